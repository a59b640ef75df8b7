#pragma GCC diagnostic ignored "-Wpedantic"
#include "capture/port_priv.h"
struct port *kernel_port_open(const struct port_params *p, char *e, size_t n, bool *u)
{
	(void)p;
	(void)u;
	snprintf(e, n, "not yet");
	return NULL;
}
int kernel_port_print_list(FILE *out)
{
	(void)out;
	return 0;
}
#include "tcpmill/record.h"
void flow_record_make_live(struct flow_record *row);
void flow_record_make_live(struct flow_record *row)
{
	row->stream = RECORD_NULL_64;
	row->first_frame = row->last_frame = RECORD_NULL_64;
	row->first_anomaly_frame = row->last_anomaly_frame = RECORD_NULL_64;
}
