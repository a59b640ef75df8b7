#pragma GCC diagnostic ignored "-Wpedantic"
#include "worker_priv.h"
#include "capture/port_priv.h"
void flow_record_make_live(struct flow_record *row);
void flow_record_make_live(struct flow_record *row){row->stream=RECORD_NULL_64;}
void port_rss_init(struct port_rss *rss, uint16_t pattern){
	for(int h=0;h<2;h++)for(int b=0;b<256;b++){uint16_t v=(uint16_t)(h?b<<8:b),r=0;for(int i=0;i<16;i++)if(v>>(15-i)&1)r^=(uint16_t)(pattern<<i|pattern>>(16-i));rss->hash[h][b]=r;}
}
struct port *kernel_port_open(const struct port_params *p, char *e, size_t n, bool *u){(void)p;(void)e;(void)n;(void)u;return NULL;}
struct port *ethdev_open(const struct port_params *p, char *e, size_t n, bool *u){(void)p;(void)e;(void)n;(void)u;return NULL;}
int kernel_port_print_list(FILE *out){(void)out;return 0;}
int ethdev_print_list(FILE *out){(void)out;return 0;}
