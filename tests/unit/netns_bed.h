/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_NETNS_BED_H
#define TESTS_NETNS_BED_H

/*
 * A network namespace of the test's own process, with a loopback interface and a TAP device whose
 * other end the test holds: what it writes there, the kernel receives.
 *
 * Failures are cmocka failures; without the rights for it, tests are skipped with the reason.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capture/port_priv.h"

#define TAP "tap0"

/* cmocka group fixtures. */
int netns_setup(void **state);
/* Fails unless nearly all frames that were polled came before their time was said to be over. */
int netns_teardown(void **state);
/* Skips the running test where there is no namespace. */
void netns_need(void);

void interface_set_up(const char *name, bool up);
/* True if somebody has the interface in promiscuous mode. */
bool interface_is_promiscuous(const char *name);

/* A TAP device that is up; closing the descriptor removes it. */
int tap_open(void);
/* Writes one Ethernet frame: UDP from and to this port, filled with a pattern. */
#define TAP_MIN_LEN 46u
void tap_send(int tap, uint16_t port, uint16_t number, size_t len);
/* The same bytes, for comparison. */
void tap_frame(uint8_t *frame, uint16_t port, uint16_t number, size_t len);

int64_t realtime_ns(void);
void sleep_ms(int ms);

/* What polls gave so far. */
#define BED_MAX_FRAMES 4096
struct polled {
	uint64_t nb;
	struct {
		uint32_t caplen, wire_len;
		int64_t ts_ns;
		uint8_t data[128];
	} frames[BED_MAX_FRAMES]; /* the first so many */
	uint32_t max_wire_len;
	int64_t complete_ns, newest_ns;
	bool is_over;
};

struct port *bed_open(const char *name, const char *filter, uint64_t buffer_bytes);
void bed_start(struct port *port);
#define BED_SNAPLEN 96u
/*
 * Polls until nb frames came in all, or the port is over, or it takes too long; checks
 * complete_ns. Each poll asks for at most max.
 */
void bed_poll(struct port *port, struct polled *polled, uint64_t nb, uint16_t max);
/* As long as that. */
void bed_poll_for(struct port *port, struct polled *polled, int ms);
/* Until the port is over. */
void bed_poll_to_end(struct port *port, struct polled *polled);
void bed_close(struct port *port);

#endif
