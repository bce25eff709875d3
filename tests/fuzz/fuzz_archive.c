/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as a tarball from a stranger. An input that is not gzipped is gzipped first, so that mutations get past the
 * checksum. A tarball that can be listed can also be unpacked, unless it has names that the file system refuses; everything
 * then lies below the top folder, and there are no links.
 */
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lib/base/folder.h"
#include "lib/tools/archive/archive.h"
#include "lib/tools/archive/gzip.h"
#include "tests/fuzz/fuzz.h"

static const struct archive_limits limits = {.bytes = 1 << 16, .entries = 64};

static int check_entry(const char *path, const struct stat *information, int type, struct FTW *place) {
    (void)place;
    (void)path;
    assert(type == FTW_D || type == FTW_F);
    assert(type == FTW_D || (S_ISREG(information->st_mode) && (information->st_mode & 07777) == 0644));
    assert(type == FTW_D || information->st_size <= limits.bytes);
    return 0;
}

static void unpack(const char *bytes, size_t length, const char *top, enum status listed) {
    char folder[] = "/tmp/registry-fuzz-XXXXXX";
    if (!mkdtemp(folder)) abort();
    struct error err = {0};
    enum status status = archive_unpack(bytes, length, folder, top, &limits, &err);
    assert(status == STATUS_OK || status == STATUS_REFUSED);
    assert(status || !listed);
    assert(status || err.message[0] == '\0');
    int walked = nftw(folder, check_entry, 16, FTW_PHYS);
    assert(walked == 0);
    folder_remove(folder);
}

static void read_tarball(const char *bytes, size_t length) {
    struct text top = {0}, list = {0}, content = {0};
    if (!archive_find_top(&top, bytes, length, NULL)) {
        assert(top.length > 0 && !strchr(top.bytes, '/') && !text_equal(top.bytes, "..") && !text_equal(top.bytes, "."));
        enum status listed = archive_list(&list, bytes, length, top.bytes, &limits, NULL);
        assert(listed || text_starts_with(text_view(&list), top.bytes));
        enum status status = archive_read_file(&content, bytes, length, top.bytes, "purs.json", &limits, NULL);
        assert(status || !listed);
        assert(status != STATUS_NOT_FOUND || !listed);
        unpack(bytes, length, top.bytes, listed);
    }
    text_release(&top);
    text_release(&list);
    text_release(&content);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct text packed = {0};
    if (length >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B) {
        read_tarball((const char *)bytes, length);
    } else {
        gzip_pack(&packed, bytes, length);
        read_tarball(packed.bytes, packed.length);
    }
    text_release(&packed);
    return 0;
}
