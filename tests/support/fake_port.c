/* SPDX-License-Identifier: BSD-3-Clause */

#include <string.h>
#include <unistd.h>

#include "fake_port.h"

static struct fake_port *fake_of(struct port *port)
{
	return (struct fake_port *)(void *)port;
}

static void fake_poll(struct port *port, uint16_t queue, int64_t now_ns, struct port_burst *burst,
		      uint16_t max)
{
	struct fake_port *fake = fake_of(port);
	const uint32_t left = fake->nb[queue] - fake->at[queue];
	const uint32_t room = max < fake->burst ? max : fake->burst;

	(void)now_ns;
	if (fake->pause != 0 && ++fake->polls % fake->pause == 0)
		usleep(1100);
	burst->nb = (uint16_t)(left < room ? left : room);
	burst->has_vlan = false;
	burst->is_over = left <= room;
	burst->complete_ns = INT64_MAX - 1;
	for (uint16_t i = 0; i < burst->nb; i++) {
		const struct fake_frame *frame = &fake->frames[queue][fake->at[queue] + i];

		memcpy(fake->lent[queue][i], frame->data, frame->len);
		burst->frames[i] = (struct frame){
			.data = fake->lent[queue][i],
			.caplen = frame->len,
			.wire_len = frame->len,
			.ts_ns = frame->ts_ns,
			.interface = &fake->interface,
		};
		burst->complete_ns = frame->ts_ns;
	}
	fake->at[queue] += burst->nb;
}

static void fake_release(struct port *port, struct port_burst *burst)
{
	for (uint16_t i = 0; i < burst->nb; i++)
		memset((void *)(uintptr_t)burst->frames[i].data, 0xee, burst->frames[i].caplen);
	(void)port;
}

static void fake_counters(struct port *port, struct port_counters *counters)
{
	(void)port;
	*counters = (struct port_counters){0};
}

static const struct port_ops fake_ops = {
	.poll = fake_poll,
	.release = fake_release,
	.get_counters = fake_counters,
};

void fake_port_init(struct fake_port *fake, uint16_t nb_queues, uint16_t burst)
{
	memset(fake, 0, sizeof(*fake));
	fake->port.ops = &fake_ops;
	fake->port.info.kind = PORT_DPDK;
	fake->port.info.nb_queues = nb_queues;
	fake->interface.link_type = 1;
	fake->burst = burst;
}
