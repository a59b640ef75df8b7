/* SPDX-License-Identifier: BSD-3-Clause */
/* How connections end, wait, and begin again. */
#include "script.h"

static const struct conn ipv4[] = {
	{.a = {"10.0.0.1", 49152, 1000}, .b = {"192.0.2.80", 80, 900000}},
};

/* The same endpoints twice; the second time with other ISNs. */
static const struct conn reused[] = {
	{.a = {"10.0.0.1", 49152, 1000}, .b = {"192.0.2.80", 80, 900000}},
	{.a = {"10.0.0.1", 49152, 5000000}, .b = {"192.0.2.80", 80, 6000000}},
};

/* How nearly every script here begins. */
#define OPEN_PLAIN                                                                                 \
	A(AT(0), FLAGS(SYN), WIN(64240), MSS(1460)),                                               \
		B(AT(20000), FLAGS(SYN | ACK), WIN(28960), MSS(1400)), A(AT(20200), FLAGS(ACK))

#define OPEN_SCALED                                                                                \
	A(AT(0), FLAGS(SYN), WIN(64240), MSS(1460), WSCALE(7)),                                    \
		B(AT(20000), FLAGS(SYN | ACK), WIN(28960), MSS(1400), WSCALE(2)),                  \
		A(AT(20200), FLAGS(ACK), WIN(502))

static const struct step reset_by_resp[] = {
	OPEN_PLAIN,
	A(AT(21000), FLAGS(PSH | ACK), LEN(300)),
	B(AT(41000), FLAGS(RST | ACK), WIN(0)),
};

static const struct step reset_by_orig[] = {
	OPEN_PLAIN,
	B(AT(45000), FLAGS(PSH | ACK), LEN(1300)),
	A(AT(45100), FLAGS(RST), WIN(0)),
	B(AT(45200), FLAGS(PSH | ACK), LEN(1300)),
	A(AT(45300), FLAGS(RST), WIN(0)),
};

static const struct step half_close[] = {
	OPEN_PLAIN,
	A(AT(21000), FLAGS(PSH | ACK), LEN(300)),
	A(AT(21100), FLAGS(FIN | ACK)),
	B(AT(41000), FLAGS(ACK)),
	B(AT(45000), FLAGS(ACK), LEN(1300)),
	A(AT(45100), FLAGS(ACK)),
	B(AT(50000), FLAGS(PSH | ACK), LEN(1300)),
	A(AT(50100), FLAGS(ACK)),
};

static const struct step fin_resent[] = {
	OPEN_PLAIN,
	A(AT(21000), FLAGS(FIN | ACK), LOST_BEHIND),
	A(AT(241000), FLAGS(FIN | ACK), SEQ(1)),
	B(AT(261000), FLAGS(FIN | ACK)),
	A(AT(261100), FLAGS(ACK), LOST_BEHIND),
	B(AT(481000), FLAGS(FIN | ACK), SEQ(1)),
	A(AT(481100), FLAGS(ACK)),
};

static const struct step fin_crossed[] = {
	OPEN_PLAIN,
	A(AT(30000), FLAGS(FIN | ACK)),
	B(AT(30010), FLAGS(FIN | ACK), ACKS(1)),
	A(AT(30100), FLAGS(ACK)),
	B(AT(50000), FLAGS(ACK)),
};

static const struct step reused_ports[] = {
	OPEN_PLAIN,
	A(AT(21000), FLAGS(FIN | ACK)),
	B(AT(41000), FLAGS(FIN | ACK)),
	A(AT(41100), FLAGS(ACK)),
	A(CONN(1), AT(60041100), FLAGS(SYN), MSS(1460)),
	B(CONN(1), AT(60061100), FLAGS(SYN | ACK), MSS(1400)),
	A(CONN(1), AT(60061200), FLAGS(ACK)),
	A(CONN(1), AT(60062000), FLAGS(PSH | ACK), LEN(300)),
	B(CONN(1), AT(60082000), FLAGS(ACK)),
};

static const struct step keep_alive[] = {
	OPEN_PLAIN,
	A(AT(21000), FLAGS(PSH | ACK), LEN(300)),
	B(AT(41000), FLAGS(ACK)),
	A(AT(30041000), FLAGS(ACK), SEQ(300)),
	B(AT(30061000), FLAGS(ACK)),
	A(AT(60041000), FLAGS(ACK), SEQ(300), LEN(1)), /* with one old byte */
	B(AT(60061000), FLAGS(ACK)),
	A(AT(90041000), FLAGS(ACK), SEQ(300)),
	A(AT(91041000), FLAGS(ACK), SEQ(300)),
	B(AT(91061000), FLAGS(RST | ACK), WIN(0)),
};

static const struct step zero_window[] = {
	OPEN_SCALED,
	A(AT(21000), FLAGS(ACK), LEN(1400)),
	B(AT(41000), FLAGS(ACK), WIN(0)),
	A(AT(241000), FLAGS(ACK), LEN(1), LOST_BEHIND),
	B(AT(261000), FLAGS(ACK), WIN(0)),
	A(AT(661000), FLAGS(ACK), SEQ(1401), LEN(1), LOST_BEHIND),
	B(AT(681000), FLAGS(ACK), WIN(0)),
	B(AT(900000), FLAGS(ACK), WIN(7240)),
	A(AT(901000), FLAGS(PSH | ACK), SEQ(1401), LEN(600)),
	B(AT(921000), FLAGS(ACK)),
};

static const struct step window_full[] = {
	OPEN_SCALED,
	B(AT(21000), FLAGS(ACK), WIN(700)), /* << 2 = 2,800 */
	A(AT(41000), FLAGS(ACK), LEN(1400)),
	A(AT(41100), FLAGS(ACK), LEN(1400)),
	B(AT(61000), FLAGS(ACK), WIN(0)),
	B(AT(71000), FLAGS(ACK), WIN(350)), /* 1,400 */
	A(AT(91000), FLAGS(PSH | ACK), LEN(1400)),
	B(AT(111000), FLAGS(ACK), WIN(7240)),
};

static const struct step idle_pause[] = {
	OPEN_PLAIN,
	A(AT(21000), FLAGS(PSH | ACK), LEN(300)),
	B(AT(41000), FLAGS(ACK)),
	A(AT(INT64_C(7200041000)), FLAGS(PSH | ACK), LEN(300)),
	B(AT(INT64_C(7200061000)), FLAGS(ACK)),
};

const struct scenario scenarios_closing[] = {
	SCENARIO("reset-by-resp", "the responder resets after a request", ipv4, reset_by_resp),
	SCENARIO("reset-by-orig", "the originator resets in the middle of a response", ipv4,
		 reset_by_orig),
	SCENARIO("half-close", "the originator's FIN, then data from the responder", ipv4,
		 half_close),
	SCENARIO("fin-resent", "both FINs are sent twice", ipv4, fin_resent),
	SCENARIO("fin-crossed", "both FINs are on their way at once", ipv4, fin_crossed),
	SCENARIO("reused-ports", "the same ports again after a minute, with new ISNs", reused,
		 reused_ports),
	SCENARIO("keep-alive", "keep-alives with and without a byte, answered and not", ipv4,
		 keep_alive),
	SCENARIO("zero-window", "a closed window, probes, and its opening", ipv4, zero_window),
	SCENARIO("window-full", "the sender uses the window to the last byte", ipv4, window_full),
	SCENARIO("idle-pause", "two hours of silence inside one connection", ipv4, idle_pause),
	{.name = NULL},
};
