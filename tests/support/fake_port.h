/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_FAKE_PORT_H
#define TESTS_FAKE_PORT_H

/*
 * A port whose queues give frames that a test has made, each at most some at a time; at the
 * end of a queue the port is over. Like a NIC's its bursts are lent: a frame that is looked at
 * after its release is gone.
 */

#include "capture/port_priv.h"

#define FAKE_QUEUES 4

struct fake_frame {
	int64_t ts_ns;
	uint32_t len;
	uint8_t data[160];
};

struct fake_port {
	struct port port;
	struct capture_interface interface;
	const struct fake_frame *frames[FAKE_QUEUES]; /* in order of time */
	uint32_t nb[FAKE_QUEUES], at[FAKE_QUEUES];
	uint16_t burst; /* frames of a poll at most */
	uint32_t pause; /* so many polls, then a millisecond in which chores fall due; 0: none */
	uint32_t polls;
	uint8_t lent[FAKE_QUEUES][PORT_BURST][160];
};

/* Ethernet; queues without frames are over at once. */
void fake_port_init(struct fake_port *fake, uint16_t nb_queues, uint16_t burst);

#endif
