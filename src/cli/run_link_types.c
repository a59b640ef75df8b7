/* SPDX-License-Identifier: BSD-3-Clause */

/* The link types of a run, each once, however many interfaces have it. */

#include <stdlib.h>

#include "run_priv.h"

size_t run_link_types(const struct capture *capture, struct run_link_type **types)
{
	enum { NB_TYPES = UINT16_MAX + 1 };
	uint32_t *place = calloc(NB_TYPES, sizeof(*place)); /* by link type: index + 1 */
	struct run_link_type *list = NULL;
	size_t nb = 0, room = 0;

	*types = NULL;
	for (size_t i = 0; place != NULL && i < capture_nb_interfaces(capture); i++) {
		const struct capture_interface *interface = capture_interface(capture, i);
		uint32_t *at = &place[interface->link_type];

		if (*at == 0 && nb == room) {
			struct run_link_type *more;

			room = room == 0 ? 8 : room * 2;
			more = realloc(list, room * sizeof(*list));
			if (more == NULL)
				break;
			list = more;
		}
		if (*at == 0) {
			list[nb++] = (struct run_link_type){.link_type = interface->link_type};
			*at = (uint32_t)nb;
		}
		if (list[*at - 1].nb_frames == 0)
			list[*at - 1].input = interface->input;
		list[*at - 1].nb_frames += interface->nb_frames;
	}
	free(place);
	*types = list;
	return nb;
}
