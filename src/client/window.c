#include "client/window.h"

#include <assert.h>

/*
 * A confirm names a number, the window also counts bytes. Instead of the size of every frame the
 * window keeps a mark each time a 64th of its bytes has passed, and counts a frame as unsettled
 * until the mark behind it is settled, or everything is.
 */
enum { MARKS_PER_WINDOW = 64 };

static_assert((int)MARKS_PER_WINDOW < (int)WINDOW_MARKS,
              "a full window needs no more marks than there are");

void window_reset(struct window *window, uint64_t frames_max, uint64_t bytes_max)
{
    assert(frames_max > 0);
    assert(bytes_max > 0);
    *window = (struct window){
        .frames_max = frames_max,
        .bytes_max = bytes_max,
        .mark_due = bytes_max / MARKS_PER_WINDOW,
    };
}

static struct window_mark *mark_at(struct window *window, unsigned index)
{
    return &window->marks[(window->mark_first + index) % WINDOW_MARKS];
}

void window_mark(struct window *window)
{
    /* Acknowledgements pass a full window; then the newest mark moves along. */
    if (window->mark_count < WINDOW_MARKS)
        window->mark_count++;
    struct window_mark mark = {window->last, window->bytes};
    *mark_at(window, window->mark_count - 1) = mark;
    window->mark_due = window->bytes + window->bytes_max / MARKS_PER_WINDOW;
}

bool window_settle(struct window *window, uint64_t number)
{
    if (number < window->settled || number > window->last)
        return false;
    window->settled = number;
    while (window->mark_count > 0 && mark_at(window, 0)->number <= number) {
        window->bytes_settled = mark_at(window, 0)->bytes;
        window->mark_first = (window->mark_first + 1) % WINDOW_MARKS;
        window->mark_count--;
    }
    if (number == window->last) {
        window->bytes_settled = window->bytes;
        window->mark_due = window->bytes + window->bytes_max / MARKS_PER_WINDOW;
    }
    return true;
}
