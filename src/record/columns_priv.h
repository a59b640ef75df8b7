/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_RECORD_COLUMNS_PRIV_H
#define TCPMILL_RECORD_COLUMNS_PRIV_H

/* How a table of columns is written down: one COLUMN_OF() a column. */

#include <tcpmill/record.h>

/* Offset of a member; does not compile when the member is not of this very type. */
#define COLUMN_AT(row, ctype, member) _Generic(&((row *)0)->member, ctype * : offsetof(row, member))

#define C_COLUMN_INT8 int8_t
#define C_COLUMN_INT16 int16_t
#define C_COLUMN_INT32 int32_t
#define C_COLUMN_INT64 int64_t
#define C_COLUMN_UINT16 uint16_t
#define C_COLUMN_BOOL int8_t
#define C_COLUMN_TIMESTAMP int64_t
#define C_COLUMN_DICT int8_t
#define C_COLUMN_ADDRESS struct record_address

#define NULLABLE true
#define ALWAYS false

/* A column of the row's type; what follows the help line are designated equivalents. */
#define COLUMN_OF(row, name_, member, type_, nullable_, unit_, help_, ...)                         \
	{                                                                                          \
		.name = name_, .type = type_, .nullable = nullable_,                               \
		.offset = COLUMN_AT(row, C_##type_, member), .unit = unit_, .help = help_,         \
		__VA_ARGS__                                                                        \
	}

#endif
