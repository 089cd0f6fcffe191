/* SPDX-License-Identifier: MIT */
/*
 * base/error: every error of the list has its value, name, text and Linux errno; values outside are answered too.
 */
#include "support/cmocka_all.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/compiler.h"
#include "base/error.h"

static const int all[] = {
#define ERR_VALUE(name, text, posix) name,
    ERR_LIST(ERR_VALUE)
#undef ERR_VALUE
};

static void test_values_are_minus_one_downwards(void **state)
{
    (void)state;
    assert_int_equal(ARRAY_SIZE(all), ERR_COUNT);
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        assert_int_equal(all[i], -(int)(i + 1));
}

static void test_each_error_has_its_own_name_and_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        assert_memory_equal(err_name(all[i]), "ERR_", 4);
        assert_true(strlen(err_text(all[i])) > 0);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(err_name(all[i]), err_name(all[j]));
            assert_string_not_equal(err_text(all[i]), err_text(all[j]));
        }
    }
    assert_string_equal(err_name(ERR_TRUNCATED), "ERR_TRUNCATED");
    assert_string_equal(err_text(ERR_TRUNCATED), "truncated");
}

static void test_errno_values_are_those_of_linux(void **state)
{
    (void)state;
    static const struct {
        int error, posix;
    } expected[] = {
        {ERR_OK, 0},
        {ERR_NO_MEMORY, ENOMEM},
        {ERR_INVALID, EINVAL},
        {ERR_TRUNCATED, EBADMSG},
        {ERR_UNSUPPORTED, EOPNOTSUPP},
        {ERR_NO_SPACE, ENOSPC},
        {ERR_AGAIN, EAGAIN},
        {ERR_NOT_FOUND, ENOENT},
        {ERR_EXISTS, EEXIST},
        {ERR_IN_USE, EADDRINUSE},
        {ERR_NO_PORTS, EADDRNOTAVAIL},
        {ERR_NO_ROUTE, EHOSTUNREACH},
        {ERR_UNREACHABLE, EHOSTUNREACH},
        {ERR_REFUSED, ECONNREFUSED},
        {ERR_RESET, ECONNRESET},
        {ERR_TIMED_OUT, ETIMEDOUT},
        {ERR_ABORTED, ECONNABORTED},
        {ERR_CLOSED, EPIPE},
        {ERR_PROTOCOL, EPROTO},
        {ERR_DENIED, EACCES},
        {ERR_SYSTEM, EIO},
    };
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
        assert_int_equal(err_to_errno(expected[i].error), expected[i].posix);
}

static void test_values_outside_the_list_are_unknown(void **state)
{
    (void)state;
    static const int outside[] = {1, INT_MAX, INT_MIN, -(int)ERR_COUNT - 1};
    for (size_t i = 0; i < ARRAY_SIZE(outside); i++) {
        assert_string_equal(err_text(outside[i]), "unknown error");
        assert_string_equal(err_name(outside[i]), "ERR_UNKNOWN");
        assert_int_equal(err_to_errno(outside[i]), EIO);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_minus_one_downwards),
        cmocka_unit_test(test_each_error_has_its_own_name_and_text),
        cmocka_unit_test(test_errno_values_are_those_of_linux),
        cmocka_unit_test(test_values_outside_the_list_are_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
