/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_PARTS_SUPPORT_H
#define TESTS_PARTS_SUPPORT_H

/*
 * The records of one flow, active ones and the last, against the one record it would have had
 * (definitions 2.6): each column by its own rule.
 */

#include <stdint.h>

#include "tcpmill/record.h"

#define PARTS_MAX_COLUMNS 160

/* What the parts come to so far, column by column. */
struct parts {
	uint32_t nb;
	int64_t values[PARTS_MAX_COLUMNS]; /* sum, maximum or minimum; RECORD_NULL_64 */
	int64_t mean_low[2], mean_high[2]; /* of orig and resp: their round trips add up between */
	struct flow_record first, last;
};

void parts_add(struct parts *parts, const struct flow_record *part);
/* Fails with the name of the first column that does not fit. The last part was added. */
void parts_assert(const struct parts *parts, const struct flow_record *whole);

#endif
