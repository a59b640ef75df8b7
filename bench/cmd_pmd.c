/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench.h"

int cmd_pmd(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return 2;
}
