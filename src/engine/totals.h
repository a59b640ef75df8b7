/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_ENGINE_TOTALS_H
#define TCPMILL_ENGINE_TOTALS_H

/* What all flows add up to. Sums do not depend on the order of adding. */

struct engine_totals;
struct flow_record;

void totals_add(struct engine_totals *totals, const struct flow_record *row);
void totals_merge(struct engine_totals *to, const struct engine_totals *from);

#endif
