/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which tags of a package's repository at GitHub become publications by themselves (lib/domain/README.md, Daily look at GitHub):
 * those that read as a version, `1.0.0` or `v1.0.0`, are neither published nor unpublished, and point to a recent commit. No I/O.
 */
#ifndef LIB_DOMAIN_REGISTRY_NEW_TAGS_H
#define LIB_DOMAIN_REGISTRY_NEW_TAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/hash.h"
#include "lib/domain/job/operation.h"
#include "lib/domain/registry/metadata.h"

struct arena;

/* A tag, as its repository's host lists it. */
struct repository_tag {
    const char *name;
    const char *commit; /* its id, in hex */
};

struct new_tag {
    struct version version;
    const struct repository_tag *tag;
};

/* True for a package whose tags are looked at: at GitHub, without a `subdir`, since a tag there is about the whole repository. */
bool new_tags_are_of(const struct location *location);

/* The tags that may become a publication, whatever the age of their commits: one for each version, `v1.0.0` before `1.0.0`, the
 * highest version first. The result, `*out` in the arena, borrows from `tags`. */
size_t new_tags_find(struct new_tag **out, const struct repository_tag *tags, size_t count, const struct metadata *metadata,
                     struct arena *arena);

/* Since when a commit counts as recent, in milliseconds since 1970: the last day, or the time since the last successful look at
 * this repository (0: never) if that is longer, at most a week. Looks overlap by an hour, because a commit is older than its
 * push. */
int64_t new_tags_since_ms(int64_t now_ms, int64_t last_look_ms);

/* The request for the tag's publication, like that of the package's author; borrows its arguments. */
void new_tag_request(struct publish_request *out, const char *package, const struct location *location,
                     const struct new_tag *tag);

/* The id of its job, the same for the same package, version and commit: so repeating the look makes nothing twice, a tag that was
 * refused is not tried every day, and one that was moved to another commit is tried again. */
void new_tag_job_id(const char *package, const struct new_tag *tag, char out[UUID_TEXT_MAX]);

#endif
