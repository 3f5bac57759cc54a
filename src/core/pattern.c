#include "core/pattern.h"

struct bytes pattern_first_token(struct bytes name)
{
    const unsigned char *end = name.size ? memchr(name.data, TOPIC_SEPARATOR, name.size) : NULL;
    return bytes_of(name.data, end ? (size_t)(end - name.data) : name.size);
}

bool tokens_next(struct tokens *tokens, struct bytes *token)
{
    if (tokens->is_over)
        return false;
    *token = pattern_first_token(tokens->rest);
    tokens->is_over = token->size == tokens->rest.size;
    size_t skip = token->size + (tokens->is_over ? 0 : 1);
    tokens->rest = bytes_of(tokens->rest.data + skip, tokens->rest.size - skip);
    return true;
}

bool token_is_star(struct bytes token)
{
    return token.size == 1 && token.data[0] == '*';
}

bool token_is_rest(struct bytes token)
{
    return token.size == 1 && token.data[0] == '>';
}

bool pattern_is_valid(struct bytes name)
{
    struct tokens tokens = tokens_of(name);
    struct bytes token;
    for (unsigned levels = 1; tokens_next(&tokens, &token); levels++)
        if (levels > TOPIC_LEVELS_MAX || (token_is_rest(token) && !tokens.is_over))
            return false;
    return name.size > 0;
}

bool pattern_matches(struct bytes pattern, struct bytes name)
{
    struct tokens patterns = tokens_of(pattern), names = tokens_of(name);
    struct bytes wanted, token;
    while (tokens_next(&patterns, &wanted)) {
        if (!tokens_next(&names, &token))
            return false;
        if (token_is_rest(wanted))
            return true;
        if (!token_is_star(wanted) && !bytes_equal(wanted, token))
            return false;
    }
    return names.is_over;
}

/* How little a place in a pattern says: a token, any token, all that are left, nothing. */
static int openness(bool is_there, struct bytes token)
{
    return !is_there ? 3 : token_is_rest(token) ? 2 : token_is_star(token) ? 1 : 0;
}

int pattern_compare(struct bytes a, struct bytes b)
{
    struct tokens left = tokens_of(a), right = tokens_of(b);
    struct bytes from_left, from_right;
    bool has_left, has_right;
    do {
        has_left = tokens_next(&left, &from_left);
        has_right = tokens_next(&right, &from_right);
        int order = openness(has_right, from_right) - openness(has_left, from_left);
        if (order != 0)
            return order;
    } while (has_left && has_right);
    return 0;
}
