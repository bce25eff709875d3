#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# libgit2 1.5.1+ds-1+deb12u2 with libpcre2 10.42-1+deb12u2 (Debian 12): each git_remote_lookup() leaks 41 kB of memory for every
# entry of the configuration, of any kind.
#
# If a regular expression does not match, git_regexp_match() returns without freeing its match data. With the PCRE2 of its
# time that was about a hundred bytes; since PCRE2 10.41 the match data keeps the frames of the match, 20,480 bytes at least.
# Looking up a remote asks every entry of the configuration, the user's and the system's included, whether it is an `insteadOf`,
# and then whether it is a `pushInsteadOf`. Listing remotes and iterating over a section leak as much each time. libgit2 1.6
# frees it; Debian 12 does not have that fix.
#
# Output seen (bytes divided by 20,480 and by the entries that do not match, rounded down; nothing else is configured):
#   13 entries: git_remote_lookup 2, git_remote_create_anonymous 2, iterator without a match 1, with matches only 0
#   63 entries: git_remote_lookup 2, git_remote_create_anonymous 2, iterator without a match 1, with matches only 0
#   one lookup with 63 entries loses more than 2 MB: yes
#
# Why it matters: a registry fetches and pushes by libgit2 all day, with a remote each time. With the 63 entries of a clone that
# has a few branches and remotes, four hundred pushes are a gigabyte. This server gives its repositories an empty configuration
# (ignore_configuration() in lib/tools/git/git_transport.c).
#
# Fails if the behaviour has changed.
set -eu
for package in libgit2-1.5=1.5.1+ds-1+deb12u2 libgit2-dev=1.5.1+ds-1+deb12u2 libpcre2-8-0=10.42-1+deb12u2 gcc git; do
  found=$(dpkg-query -W -f '${Package}=${Version}' "${package%=*}" 2>/dev/null || true)
  case $found in "$package" | "$package="?*) ;; *) missing="${missing-} $package" ;; esac
done
# shellcheck disable=SC2086 # a list of words
[ -z "${missing-}" ] || apt-get install -qq -y --no-install-recommends $missing >/dev/null
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >look.c <<'C'
#include <git2.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 20, FRAMES_BYTES = 20480 };

static void check(int code) {
    if (code >= 0) return;
    printf("%s\n", git_error_last()->message);
    exit(2);
}

static void look_up(git_repository *repository, const char *name) {
    git_remote *remote = NULL;
    check(git_remote_lookup(&remote, repository, name));
    git_remote_free(remote);
}

static void create(git_repository *repository, const char *url) {
    git_remote *remote = NULL;
    check(git_remote_create_anonymous(&remote, repository, url));
    git_remote_free(remote);
}

static void iterate(git_repository *repository, const char *expression) {
    git_config *config = NULL;
    git_config_iterator *iterator = NULL;
    git_config_entry *entry;
    check(git_repository_config(&config, repository));
    check(git_config_iterator_glob_new(&iterator, config, expression));
    while (git_config_next(&entry, iterator) == 0) {}
    git_config_iterator_free(iterator);
    git_config_free(config);
}

static size_t lost(void (*call)(git_repository *, const char *), git_repository *repository, const char *text) {
    call(repository, text); /* a first call may fill caches */
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < ROUNDS; i++) call(repository, text);
    size_t after = mallinfo2().uordblks;
    return after > before ? (after - before) / ROUNDS : 0;
}

int main(int count, char **arguments) {
    git_repository *repository = NULL;
    size_t entries = (size_t)atoi(arguments[2]), unit = FRAMES_BYTES * entries;
    (void)count;
    git_libgit2_init();
    for (int level = GIT_CONFIG_LEVEL_PROGRAMDATA; level <= GIT_CONFIG_LEVEL_GLOBAL; level++)
        check(git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, "/nonexistent"));
    check(git_repository_open(&repository, arguments[1]));
    size_t lookup = lost(look_up, repository, "origin");
    printf("%zu entries: git_remote_lookup %zu, git_remote_create_anonymous %zu, ", entries, lookup / unit,
           lost(create, repository, "https://example.org/b.git") / unit);
    printf("iterator without a match %zu, with matches only %zu\n", lost(iterate, repository, "^nothing\\.") / unit,
           lost(iterate, repository, ".") / unit);
    if (entries > 50) printf("one lookup with %zu entries loses more than 2 MB: %s\n", entries, lookup > 2000000 ? "yes" : "no");
    git_repository_free(repository);
    git_libgit2_shutdown();
    return 0;
}
C
gcc look.c -o look -lgit2
export HOME=$folder GIT_CONFIG_NOSYSTEM=1
git init -q --bare few.git
git -C few.git remote add origin https://example.org/a.git
for i in $(seq $((13 - $(git -C few.git config --list | wc -l)))); do git -C few.git config "section.key$i" value; done
cp -R few.git more.git
for i in $(seq 50); do git -C more.git config "more.key$i" value; done
{ ./look few.git "$(git -C few.git config --list | wc -l)"; ./look more.git "$(git -C more.git config --list | wc -l)"; } | tee seen
diff seen - <<'EXPECTED'
13 entries: git_remote_lookup 2, git_remote_create_anonymous 2, iterator without a match 1, with matches only 0
63 entries: git_remote_lookup 2, git_remote_create_anonymous 2, iterator without a match 1, with matches only 0
one lookup with 63 entries loses more than 2 MB: yes
EXPECTED
echo 'As described: libgit2 1.5.1 loses two match data of PCRE2 for each entry of the configuration when it looks up a remote.'
