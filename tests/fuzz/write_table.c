/* SPDX-License-Identifier: BSD-3-Clause */

/* fuzz-table PATH: writes the small table, for seeds.py. */

#include "small_table.h"

int main(int argc, char **argv)
{
	return argc == 2 && small_table_write(argv[1]) ? 0 : 1;
}
