/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/git/git_rival.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "tests/support/shell.h"

enum { REPOSITORIES_MAX = 4 };

struct repository {
    char *name;
    bool is_contested; /* no other push since the rival's last one */
    int steps;         /* steps since the rival's last push */
    struct git_rival_counts counts;
};

/* Only the server's watch touches it, until it is stopped. */
struct git_rival {
    struct git_server *server;
    char *folder;
    struct repository repositories[REPOSITORIES_MAX];
};

/* The index of the repository, or of a free slot. */
static size_t find(const struct git_rival *rival, const char *name) {
    size_t i = 0;
    while (rival->repositories[i].name && strcmp(rival->repositories[i].name, name) != 0)
        if (++i == REPOSITORIES_MAX) abort();
    return i;
}

/* A commit that changes no file: the branch moves all the same. */
static void push(const struct git_rival *rival, struct repository *repository) {
    shell_run("cd '%s/%s' && git -c safe.directory='*' update-ref HEAD $(git -c safe.directory='*' -c user.name=rival "
              "-c user.email=rival@example.org commit-tree -p HEAD -m Rival HEAD^{tree})",
              rival->folder, repository->name);
    repository->is_contested = true;
    repository->steps = 0;
    repository->counts.of_rival++;
}

static void take_step(const struct git_rival *rival, struct repository *repository, bool is_push) {
    bool is_time = repository->is_contested ? ++repository->steps == GIT_RIVAL_PERIOD : is_push;
    if (is_time) {
        push(rival, repository);
    } else if (is_push) {
        repository->is_contested = false;
        repository->counts.let_through++;
    }
}

/* The path is /NAME/… */
static void watch(void *context, const char *path, bool is_push) {
    struct git_rival *rival = context;
    char *name = memory_copy_text(path + 1);
    name[strcspn(name, "/")] = '\0';
    struct repository *repository = &rival->repositories[find(rival, name)];
    if (!repository->name && is_push) repository->name = memory_copy_text(name);
    if (repository->name) take_step(rival, repository, is_push);
    free(name);
}

struct git_rival *git_rival_start(struct git_server *server, const char *folder) {
    struct git_rival *rival = memory_alloc(sizeof *rival);
    rival->server = server;
    rival->folder = memory_copy_text(folder);
    git_server_set_watch(server, watch, rival);
    return rival;
}

void git_rival_stop(struct git_rival *rival) {
    git_server_set_watch(rival->server, NULL, NULL);
}

void git_rival_free(struct git_rival *rival) {
    for (size_t i = 0; i < REPOSITORIES_MAX; i++)
        free(rival->repositories[i].name);
    free(rival->folder);
    free(rival);
}

struct git_rival_counts git_rival_counts(const struct git_rival *rival, const char *name) {
    return rival->repositories[find(rival, name)].counts;
}
