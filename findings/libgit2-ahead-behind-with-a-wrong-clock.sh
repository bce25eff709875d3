#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# libgit2 1.5.1+ds-1+deb12u2 (Debian 12): git_graph_ahead_behind() counts commits that both branches have, if an author's clock
# was an hour fast.
#
# Its documentation says that the values "will be what git would report for the branches". Here an author made fifty commits with
# a fast clock; main, then release got them by merges, and the author merged release back. The author's branch is one commit
# ahead of release. libgit2 finds 51.
#
# mark_parents() in src/libgit2/graph.c visits commits by date, newest first, and ends when the queue has only commits that are
# known to be common. By that time it has visited the fifty, which seem the newest, as commits of one side only, but not the
# merge that leads to them from the other side. They are not marked again, so they are counted. The file is the same in
# libgit2's main branch of August 2026. Of 1,500 random histories of up to 13 commits with random dates 2 were miscounted, none
# with dates in order; git_graph_descendant_of() and git_merge_bases() were right in all.
#
# Output seen:
#   clock right:          git 1 0, libgit2 1 0, is a descendant 1
#   clock an hour fast:   git 1 0, libgit2 51 0, is a descendant 1
#
# Why it matters: a registry gets commits with any dates that their authors' machines had, and cannot correct them. Many tools
# use the number of commits ahead to decide what must be pushed, reviewed or released. This server uses only
# git_graph_descendant_of() (lib/tools/git/git_source.c).
#
# Fails if the behaviour has changed.
set -eu
for package in libgit2-1.5=1.5.1+ds-1+deb12u2 libgit2-dev=1.5.1+ds-1+deb12u2 gcc git; do
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
#include <stdio.h>
#include <stdlib.h>

static void check(int code) {
    if (code >= 0) return;
    printf("%s\n", git_error_last()->message);
    exit(2);
}

int main(int count, char **arguments) {
    git_repository *repository = NULL;
    git_oid author, release;
    size_t ahead, behind;
    (void)count;
    git_libgit2_init();
    check(git_repository_open(&repository, arguments[1]));
    check(git_reference_name_to_id(&author, repository, "refs/heads/author"));
    check(git_reference_name_to_id(&release, repository, "refs/heads/release"));
    check(git_graph_ahead_behind(&ahead, &behind, repository, &author, &release));
    printf("libgit2 %zu %zu, is a descendant %d\n", ahead, behind, git_graph_descendant_of(repository, &author, &release));
    git_repository_free(repository);
    git_libgit2_shutdown();
    return 0;
}
C
gcc look.c -o look -lgit2
export HOME=$folder GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=name GIT_AUTHOR_EMAIL=mail GIT_COMMITTER_NAME=name GIT_COMMITTER_EMAIL=mail
now=1700000000
# Runs git ARGUMENTS a minute later, with a clock that is that many seconds fast.
at() {
  now=$((now + 60))
  GIT_AUTHOR_DATE="$((now + $1)) +0000" GIT_COMMITTER_DATE="$((now + $1)) +0000" git "${@:2}"
}
history() {
  git init -q -b main "$1"
  cd "$1"
  at 0 commit -q --allow-empty -m 'The first.'
  git branch release
  git checkout -q -b author
  for i in $(seq 50); do at "$2" commit -q --allow-empty -m "Work $i."; done
  git checkout -q main
  at 0 commit -q --allow-empty -m 'Other work.'
  at 0 merge -q --no-ff -m 'Takes the work.' author
  git checkout -q release
  at 0 merge -q --no-ff -m 'The release.' main
  git checkout -q author
  at 0 merge -q --no-ff -m 'Follows the release.' release
  cd ..
  git -C "$1" rev-list --left-right --count author...release | tr '\t' ' '
}
{
  printf 'clock right:          git %s, %s\n' "$(history right 0)" "$(./look right)"
  printf 'clock an hour fast:   git %s, %s\n' "$(history fast 3600)" "$(./look fast)"
} | tee seen
diff seen - <<'EXPECTED'
clock right:          git 1 0, libgit2 1 0, is a descendant 1
clock an hour fast:   git 1 0, libgit2 51 0, is a descendant 1
EXPECTED
echo 'As described: git_graph_ahead_behind() counts common commits as ahead where their dates are out of order.'
