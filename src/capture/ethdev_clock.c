/* SPDX-License-Identifier: BSD-3-Clause */

/* Stamps that a NIC makes, and what is needed to bring them to UTC. */

/* rte_eth_read_clock() is there since 19.08 and still marked so in 22.11. */
#define ALLOW_EXPERIMENTAL_API

#include <rte_cycles.h>
#include <rte_mbuf_dyn.h>

#include "ethdev_priv.h"

/* Long enough to know the rate to some ppm; corrections see to the rest. */
#define FIRST_LOOK_MS 50u

bool ethdev_register_stamps(struct ethdev *ethdev)
{
	int offset;

	if (rte_mbuf_dyn_rx_timestamp_register(&offset, &ethdev->stamp_flag) != 0)
		return false;
	ethdev->stamp_offset = (size_t)offset;
	return true;
}

/* Both clocks at once: UTC is taken as the middle of before and after. */
static bool look(const struct ethdev *ethdev, uint64_t *ticks, int64_t *utc_ns)
{
	const int64_t before_ns = wall_clock_now(ethdev->wall_clock);

	if (rte_eth_read_clock(ethdev->id, ticks) != 0)
		return false;
	*utc_ns = before_ns + (wall_clock_now(ethdev->wall_clock) - before_ns) / 2;
	return true;
}

void ethdev_clock_open(struct ethdev *ethdev)
{
	uint64_t first_ticks, ticks;
	int64_t first_ns, utc_ns;

	if (!ethdev_register_stamps(ethdev))
		return;
	if (look(ethdev, &first_ticks, &first_ns)) {
		rte_delay_us_sleep(FIRST_LOOK_MS * 1000);
		if (look(ethdev, &ticks, &utc_ns) &&
		    device_clock_set(&ethdev->device_clock, first_ticks, first_ns, ticks, utc_ns) ==
			    0) {
			ethdev->port.info.clock = PORT_CLOCK_HARDWARE;
			return;
		}
	}
	ethdev->stamp_flag = 0;
}

void ethdev_clock_correct(struct ethdev *ethdev)
{
	uint64_t ticks;
	int64_t utc_ns;

	if (look(ethdev, &ticks, &utc_ns))
		device_clock_correct(&ethdev->device_clock, ticks, utc_ns);
}
