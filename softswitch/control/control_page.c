#include "control_page.h"

const struct control_param control_page_params[] = {
	{"limit", CONTROL_INTEGER, false, 1, CONTROL_PAGE_MAX},
	{"offset", CONTROL_INTEGER, false, 0, INT32_MAX},
	{0},
};

struct control_page control_page_begin(const json_t *params)
{
	return (struct control_page){
		.offset = (uint64_t)control_integer(params, "offset", 0),
		.limit = (uint64_t)control_integer(params, "limit", CONTROL_PAGE_DEFAULT),
		.entries = json_array(),
	};
}

bool control_page_takes(struct control_page *page)
{
	uint64_t at = page->seen++;

	return at >= page->offset && at - page->offset < page->limit;
}
