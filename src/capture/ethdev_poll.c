/* SPDX-License-Identifier: BSD-3-Clause */

/* DPDK ports, frame by frame. */

#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <string.h>

#include "ethdev_priv.h"

/* A NIC's stamp is older than now: what was stamped before then has come, or is on its way. */
#define HARDWARE_LAG_NS 1000000
/* net_pcap on an interface: the kernel hands its blocks over in some milliseconds. */
#define LIVE_PCAP_LAG_NS 100000000

static uint16_t get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t ethdev_ip_wire_len(const uint8_t *data, uint32_t caplen)
{
	uint32_t at = 14, total;
	uint16_t type;

	if (caplen < at)
		return 0;
	type = get_be16(data + 12);
	while (type == 0x8100 || type == 0x88a8 || type == 0x9100) {
		if (caplen - at < 4)
			return 0;
		type = get_be16(data + at + 2);
		at += 4;
	}
	if (type == 0x0800 && caplen - at >= 20 && data[at] >> 4 == 4)
		return at + get_be16(data + at + 2);
	if (type == 0x86dd && caplen - at >= 40 && data[at] >> 4 == 6) {
		total = get_be16(data + at + 4);
		return total == 0 ? 0 : at + 40 + total; /* 0: a jumbogram, whose option may say */
	}
	return 0;
}

static void count(_Atomic uint64_t *counter, uint64_t nb)
{
	/* One thread writes. */
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + nb,
			      memory_order_relaxed);
}

/* Drivers that cut frames do not say so; IP knows how long they were. */
static void fill_wire_lens(const struct ethdev *ethdev, struct ethdev_queue *queue,
			   struct port_burst *burst)
{
	uint64_t nb_cut = 0;

	for (uint16_t i = 0; i < burst->nb; i++) {
		struct frame *frame = &burst->frames[i];
		uint32_t wire_len;

		if (frame->wire_len < ethdev->cut_from)
			continue;
		wire_len = ethdev_ip_wire_len(frame->data, frame->caplen);
		if (wire_len > frame->wire_len) {
			frame->wire_len = wire_len;
			nb_cut++;
		}
	}
	count(&queue->cut, nb_cut);
}

static void fill_vlan(struct port_burst *burst)
{
	for (uint16_t i = 0; i < burst->nb; i++) {
		const struct rte_mbuf *mbuf = burst->mbufs[i];
		const bool is_stripped = (mbuf->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0;

		burst->vlan[i] = is_stripped ? (uint16_t)((mbuf->vlan_tci & 0xfff) + 1) : 0;
	}
}

static void fill_stamps(const struct ethdev *ethdev, struct port_burst *burst)
{
	for (uint16_t i = 0; i < burst->nb; i++) {
		struct rte_mbuf *mbuf = burst->mbufs[i];
		uint64_t stamp;

		if ((mbuf->ol_flags & ethdev->stamp_flag) == 0)
			continue;
		stamp = *RTE_MBUF_DYNFIELD(mbuf, ethdev->stamp_offset, rte_mbuf_timestamp_t *);
		burst->frames[i].ts_ns = ethdev->port.info.clock == PORT_CLOCK_HARDWARE
						 ? device_clock_to_utc(&ethdev->device_clock, stamp)
						 : (int64_t)(stamp * 1000); /* net_pcap: us */
	}
}

/* The source has nothing more at hand: up to when is that all? */
static int64_t complete_when_empty(const struct ethdev *ethdev, int64_t now_ns)
{
	switch (ethdev->port.info.clock) {
	case PORT_CLOCK_FILE:
		return INT64_MIN; /* a file's time is not ours */
	case PORT_CLOCK_KERNEL:
		return now_ns - LIVE_PCAP_LAG_NS;
	case PORT_CLOCK_HARDWARE:
		return now_ns - HARDWARE_LAG_NS;
	case PORT_CLOCK_BURST:
		break;
	}
	return now_ns; /* the next frame gets a later now */
}

static void set_complete(const struct ethdev *ethdev, struct ethdev_queue *queue, int64_t now_ns,
			 struct port_burst *burst, uint16_t max)
{
	int64_t complete_ns = burst->nb < max ? complete_when_empty(ethdev, now_ns) : INT64_MIN;

	if (burst->nb > 0)
		complete_ns = RTE_MAX(complete_ns, burst->frames[burst->nb - 1].ts_ns);
	/* What was said before is still true, but if the clock was set back. */
	if (complete_ns > queue->complete_ns ||
	    (queue->complete_ns > now_ns && ethdev->port.info.clock != PORT_CLOCK_FILE))
		queue->complete_ns = complete_ns;
	burst->complete_ns = queue->complete_ns;
}

/*
 * net_pcap does not tell the end of a file from a lack of mbufs or a damaged record, but
 * counts those: nothing came, and nothing was counted either.
 */
static bool is_file_over(const struct ethdev *ethdev, struct ethdev_queue *queue)
{
	struct rte_eth_stats stats;
	uint64_t before = queue->trouble;

	if (rte_eth_stats_get(ethdev->id, &stats) != 0)
		return true;
	queue->trouble = stats.rx_nombuf + stats.ierrors;
	return queue->trouble == before;
}

void ethdev_end(struct ethdev *ethdev, const char *why)
{
	struct port_info *info = &ethdev->port.info;

	if (atomic_exchange_explicit(&ethdev->has_ended, true, memory_order_relaxed))
		return;
	if (why != NULL)
		snprintf(info->ended, sizeof(info->ended), "%.90s: %s", ethdev->name.device, why);
	atomic_store_explicit(&ethdev->is_ending, true, memory_order_release);
}

/* The end of the last file is that of the port. */
static void end_file(struct ethdev *ethdev, struct ethdev_queue *queue)
{
	queue->is_over = true;
	if (atomic_fetch_add_explicit(&ethdev->nb_over, 1, memory_order_relaxed) + 1 ==
	    ethdev->port.info.nb_queues)
		ethdev_end(ethdev, "the end of the file");
}

/* The port ends: what is queued may still come, but not without an end. */
static void see_to_the_end(const struct ethdev *ethdev, struct ethdev_queue *queue, uint16_t nb)
{
	if (queue->left == 0)
		queue->left = ethdev->drain;
	if (nb == 0 || queue->left <= nb)
		queue->is_over = true;
	else
		queue->left -= nb;
}

void ethdev_poll(struct port *port, uint16_t queue_id, int64_t now_ns, struct port_burst *burst,
		 uint16_t max)
{
	struct ethdev *ethdev = (struct ethdev *)port;
	struct ethdev_queue *queue = &ethdev->queues[queue_id];
	const uint32_t snaplen = ethdev->port.info.snaplen;
	uint64_t flags = 0;
	uint32_t longest = 0;

	burst->nb = 0;
	if (likely(!queue->is_over))
		burst->nb = rte_eth_rx_burst(ethdev->id, queue_id, burst->mbufs, max);
	for (uint16_t i = 0; i < burst->nb; i++) {
		const struct rte_mbuf *mbuf = burst->mbufs[i];

		/* Of a frame in several mbufs, the first has its headers. */
		burst->frames[i] = (struct frame){
			.data = rte_pktmbuf_mtod(mbuf, const uint8_t *),
			.caplen = RTE_MIN(mbuf->data_len, snaplen),
			.wire_len = mbuf->pkt_len,
			.ts_ns = now_ns,
			.interface = &ethdev->interface,
		};
		flags |= mbuf->ol_flags;
		longest = RTE_MAX(longest, mbuf->pkt_len);
	}
	burst->has_vlan = (flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0;
	if (burst->has_vlan)
		fill_vlan(burst);
	if (longest >= ethdev->cut_from)
		fill_wire_lens(ethdev, queue, burst);
	if (flags & ethdev->stamp_flag)
		fill_stamps(ethdev, burst);
	set_complete(ethdev, queue, now_ns, burst, max);
	if (burst->nb > 0)
		count(&queue->received, burst->nb);
	else if (ethdev->kind == ETHDEV_PCAP_FILE && !queue->is_over && is_file_over(ethdev, queue))
		end_file(ethdev, queue);
	if (unlikely(atomic_load_explicit(&ethdev->is_ending, memory_order_acquire)))
		see_to_the_end(ethdev, queue, burst->nb);
	burst->is_over = queue->is_over && burst->nb == 0;
}

void ethdev_release(struct port *port, struct port_burst *burst)
{
	(void)port;
	rte_pktmbuf_free_bulk(burst->mbufs, burst->nb);
	burst->nb = 0;
}
