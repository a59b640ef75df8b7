#include "bench.h"
int cmd_floor(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return 2;
}
int cmd_pmd(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return 2;
}
int cmd_rooms(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return 2;
}
