#include "core/status.h"

#include "check.h"

#include <ctype.h>
#include <string.h>

static void every_status_says_something_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < STATUS_COUNT; i++) {
        const char *text = status_text((enum status)i);
        assert_non_null(text);
        assert_true(strlen(text) > 3);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(text, status_text((enum status)j));
    }
}

/* The text of an ERROR goes to people's terminals and logs. */
static void every_text_is_one_printable_line(void **state)
{
    (void)state;
    for (int i = 0; i < STATUS_COUNT; i++)
        for (const char *at = status_text((enum status)i); *at; at++)
            assert_true(isprint((unsigned char)*at));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_says_something_of_its_own),
        cmocka_unit_test(every_text_is_one_printable_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
