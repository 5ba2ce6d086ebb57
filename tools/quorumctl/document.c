/* SPDX-License-Identifier: Apache-2.0 */
#include "document.h"

#include "ctl.h"

#include <stdio.h>
#include <string.h>

enum {
	DEPTH_MAX = 8, /* of our own documents: 4 */
	NAME_WIDTH = 22,
};

/* A map or list that is being printed. */
struct level {
	const json_t *value;
	void *at;     /* of a map: the iterator */
	size_t index; /* of a list */
};

static void print_scalar(const json_t *v)
{
	if (json_is_string(v))
		(void)printf("%s\n", json_string_value(v));
	else if (json_is_integer(v))
		(void)printf("%lld\n", (long long)json_integer_value(v));
	else if (json_is_real(v))
		(void)printf("%.3f\n", json_real_value(v));
	else
		(void)printf("%s\n", json_is_true(v) ? "yes" : json_is_null(v) ? "-" : "no");
}

/* The next entry of a level: its name, or "" in a list. NULL: there is none. */
static json_t *next_entry(struct level *l, const char **name)
{
	*name = "";
	if (json_is_array(l->value))
		return json_array_get(l->value, l->index++);
	/* jansson's iterators take the object without const; they do not change it. */
	union {
		/* cppcheck-suppress unusedStructMember */
		const json_t *given;
		json_t *wanted;
	} object = {.given = l->value};
	l->at = l->index++ == 0 ? json_object_iter(object.wanted)
				: json_object_iter_next(object.wanted, l->at);
	if (l->at == NULL)
		return NULL;
	*name = json_object_iter_key(l->at);
	return json_object_iter_value(l->at);
}

static void print_text(const json_t *document)
{
	struct level levels[DEPTH_MAX] = {{.value = document}};
	size_t depth = 1;
	while (depth > 0) {
		const char *name = "";
		const json_t *v = next_entry(&levels[depth - 1], &name);
		if (v == NULL) {
			depth--;
			continue;
		}
		int indent = (int)(depth - 1) * 2;
		bool nested = json_is_object(v) || json_is_array(v);
		size_t size = json_is_object(v) ? json_object_size(v) : json_array_size(v);
		if (name[0] == '\0')
			(void)printf("%*s-%s", indent, "", nested ? "\n" : " ");
		else
			(void)printf("%*s%-*s%s", indent, "", nested ? 0 : NAME_WIDTH - indent, name,
				     !nested	 ? " "
				     : size == 0 ? " none\n"
						 : "\n");
		if (!nested)
			print_scalar(v);
		else if (depth < DEPTH_MAX)
			levels[depth++] = (struct level){.value = v};
	}
}

int qd_document_print(json_t *document, bool json)
{
	if (document == NULL) {
		qd_ctl_complain("out of memory");
		return qd_ctl_exit_status(QD_ERR_NOMEM);
	}
	if (!json)
		print_text(document);
	else if (json_dumpf(document, stdout, JSON_INDENT(2)) == 0)
		(void)fputc('\n', stdout);
	json_decref(document);
	return 0;
}
