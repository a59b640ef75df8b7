/* SPDX-License-Identifier: BSD-3-Clause */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loss_support.h"

static bool is_equal(const char *what, int64_t got, int64_t wanted)
{
	if (got != wanted)
		print_error("%s: %lld; expected: %lld\n", what, (long long)got, (long long)wanted);
	return got == wanted;
}

void loss_assert(struct tcp_script *s, enum script_direction direction, const struct loss *wanted,
		 const char *file, int line)
{
	/* The scripts of these tests begin with a segment of FWD. */
	const struct flow_record_side *side = &script_row(s)->side[direction == REV];
	bool ok = is_equal("bytes", side->bytes, wanted->bytes);

	ok &= is_equal("lost_before", side->lost_before_bytes, wanted->lost_before);
	ok &= is_equal("lost_after", side->lost_after_bytes, wanted->lost_after);
	ok &= is_equal("missed", side->missed_bytes, wanted->missed);
	ok &= is_equal("unresolved", side->unresolved_bytes, wanted->unresolved);
	ok &= is_equal("retransmitted", side->retransmitted_bytes, wanted->retransmitted);
	ok &= is_equal("reordered_pkts", side->reordered_pkts, wanted->reordered_pkts);
	if (!ok)
		_fail(file, line);
}

void open_hole(struct tcp_script *s)
{
	script_handshake(s);
	script_data(s, FWD, SEQ(1101), LEN(100));
}
