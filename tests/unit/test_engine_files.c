/* SPDX-License-Identifier: MIT */
/*
 * engine/files: a directory is read as it is, sorted, its bytes copied; what is no file below the root is refused by
 * its name.
 */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "engine/files.h"

static char root[64];

static const char *name_of(const char *path)
{
    static char name[256];
    snprintf(name, sizeof name, "%s/%s", root, path);
    return name;
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(name_of(path), "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/weir-files-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

static void test_files_are_copied_and_sorted(void **state)
{
    (void)state;
    struct file_store store = {0};
    const struct http1_file *files;
    uint32_t n;
    char message[FILES_MESSAGE_BYTES] = "";

    write_file("z", "last");
    assert_int_equal(mkdir(name_of("docs"), 0755), 0);
    write_file("docs/a b", "spaced");
    write_file("docs.html", "before the directory's files: '.' is less than '/'");
    write_file("empty", "");
    assert_int_equal(symlink("docs/a b", name_of("link")), 0);
    assert_int_equal(files_open_root(&store, root, &files, &n, message), 0);
    write_file("z", "changed");
    static const char *const paths[] = {"docs.html", "docs/a b", "empty", "link", "z"};
    assert_int_equal(n, 5);
    for (unsigned i = 0; i < n; i++)
        assert_string_equal(files[i].path, paths[i]);
    assert_int_equal(files[1].length, 6);
    assert_memory_equal(files[3].bytes, "spaced", 6);
    assert_int_equal(files[2].length, 0);
    assert_memory_equal(files[4].bytes, "last", 4);
    assert_true(files[4].modified_s > 1600000000);
    assert_int_equal(store.count, 5);
    files_close(&store);
}

static void test_two_roots_live_side_by_side(void **state)
{
    (void)state;
    struct file_store store = {0};
    const struct http1_file *one, *two;
    uint32_t n, m;
    char message[FILES_MESSAGE_BYTES];

    write_file("a", "1");
    assert_int_equal(mkdir(name_of("b"), 0755), 0);
    assert_int_equal(files_open_root(&store, root, &one, &n, message), 0);
    assert_int_equal(files_open_root(&store, name_of("b"), &two, &m, message), 0);
    assert_int_equal(n, 1);
    assert_int_equal(m, 0);
    assert_int_equal(one[0].bytes[0], '1');
    files_close(&store);
    assert_null(store.roots);
}

static void assert_refused(const char *path, const char *expected)
{
    struct file_store store = {0};
    const struct http1_file *files;
    uint32_t n;
    char message[FILES_MESSAGE_BYTES] = "", text[FILES_MESSAGE_BYTES];

    assert_int_equal(files_open_root(&store, path, &files, &n, message), ERR_INVALID);
    snprintf(text, sizeof text, expected, root);
    assert_string_equal(message, text);
    files_close(&store);
}

static void test_a_root_that_is_no_directory_is_named(void **state)
{
    (void)state;
    write_file("file", "x");
    assert_refused(name_of("nothing"), "cannot read directory %s/nothing: No such file or directory");
    assert_refused(name_of("file"), "cannot read %s/file/: Not a directory");
}

static void test_links_do_not_lead_out(void **state)
{
    (void)state;
    assert_int_equal(mkdir(name_of("in"), 0755), 0);
    write_file("secret", "x");
    assert_int_equal(symlink("../secret", name_of("in/way-out")), 0);
    assert_refused(name_of("in"),
                   "found a link that leads out of the root: %s/in/way-out, allowed links to files below it");
    assert_int_equal(unlink(name_of("in/way-out")), 0);
    assert_int_equal(symlink(root, name_of("in/up")), 0);
    assert_refused(name_of("in"), "found a link that leads out of the root: %s/in/up, allowed links to files below it");
    assert_int_equal(unlink(name_of("in/up")), 0);
    assert_int_equal(mkdir(name_of("in/d"), 0755), 0);
    assert_int_equal(symlink("d", name_of("in/loop")), 0);
    assert_refused(name_of("in"), "found a link to a directory: %s/in/loop, allowed links to files");
}

static void test_pipes_are_refused_without_waiting_for_them(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(name_of("pipe"), 0644), 0);
    assert_refused(root, "found something that is no file: %s/pipe, allowed files and directories");
}

static void test_a_file_beyond_the_bound_is_named(void **state)
{
    (void)state;
    write_file("huge", "");
    assert_int_equal(truncate(name_of("huge"), (off_t)FILES_MAX_BYTES + 1), 0);
    assert_refused(root,
                   "found a file that is too large: %s/huge, allowed 1 GiB in all roots, of which 0 MiB are taken");
}

static void test_directories_without_end_are_refused(void **state)
{
    (void)state;
    char path[256] = "d";
    for (unsigned depth = 0; depth < 34; depth++) {
        assert_int_equal(mkdir(name_of(path), 0755), 0);
        strcat(path, "/d");
    }
    path[2 * 33 - 1] = '\0'; /* 33 names */
    char expected[512];
    snprintf(expected, sizeof expected, "found a directory too deep: %%s/%s, allowed 32 levels", path);
    assert_refused(root, expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_files_are_copied_and_sorted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_two_roots_live_side_by_side, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_root_that_is_no_directory_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_links_do_not_lead_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pipes_are_refused_without_waiting_for_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_file_beyond_the_bound_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_directories_without_end_are_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
