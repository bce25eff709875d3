/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/base/disk.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum status disk_check(const char *setting, const char *folder, struct error *err) {
    struct statvfs about;
    const char *before = setting ? setting : "", *colon = setting ? ": " : "";
    if (statvfs(folder, &about) || access(folder, W_OK | X_OK))
        return error_set(err, STATUS_INTERNAL, "%s%sThe folder %s cannot be written to: %s.", before, colon, folder,
                         strerror(errno));
    unsigned long long left_bytes = (unsigned long long)about.f_bavail * about.f_frsize;
    if (left_bytes < DISK_LEAST_BYTES)
        return error_set(err, STATUS_INTERNAL, "%s%sThe disk of the folder %s is full: %llu KiB are left.", before, colon,
                         folder, left_bytes / 1024);
    if (about.f_files > 0 && about.f_favail == 0)
        return error_set(err, STATUS_INTERNAL, "%s%sThe disk of the folder %s is full: no more files can be created.", before,
                         colon, folder);
    return STATUS_OK;
}
