/* SPDX-License-Identifier: BSD-3-Clause */

/* The link types of a run, each once, however many interfaces have it. */

#include <stdlib.h>

#include "run_priv.h"

/* Room for one more; false when memory is short. */
static bool grow(struct run_link_type **list, size_t nb)
{
	struct run_link_type *more;

	if (nb != 0 && (nb < 8 || (nb & (nb - 1)) != 0))
		return true;
	more = realloc(*list, (nb < 8 ? 8 : 2 * nb) * sizeof(**list));
	if (more == NULL)
		return false;
	*list = more;
	return true;
}

bool run_link_types(const struct capture *capture, struct run_link_type **types, size_t *nb)
{
	enum { NB_TYPES = UINT16_MAX + 1 };
	uint32_t *place = calloc(NB_TYPES, sizeof(*place)); /* by link type: index + 1 */
	struct run_link_type *list = NULL;
	bool is_whole = place != NULL;

	*nb = 0;
	for (size_t i = 0; is_whole && i < capture_nb_interfaces(capture); i++) {
		const struct capture_interface *interface = capture_interface(capture, i);
		uint32_t *at = &place[interface->link_type];

		if (*at == 0) {
			is_whole = grow(&list, *nb);
			if (!is_whole)
				break;
			list[(*nb)++] = (struct run_link_type){.link_type = interface->link_type};
			*at = (uint32_t)*nb;
		}
		if (list[*at - 1].nb_frames == 0)
			list[*at - 1].input = interface->input;
		list[*at - 1].nb_frames += interface->nb_frames;
	}
	free(place);
	if (!is_whole) {
		free(list);
		list = NULL;
	}
	*types = list;
	return is_whole;
}
