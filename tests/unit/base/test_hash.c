#include "base/hash.h"

#include "check.h"

#include <stdlib.h>

/* SipHash-c-d again, byte by byte as its paper has it, so that two unlike programs must agree. */

struct sip {
    uint64_t a, b, c, d;
};

static uint64_t turn(uint64_t value, unsigned bits)
{
    return (value << bits) | (value >> (64 - bits));
}

static void mix(struct sip *s, int rounds)
{
    while (rounds-- > 0) {
        s->a += s->b;
        s->c += s->d;
        s->b = turn(s->b, 13);
        s->d = turn(s->d, 16);
        s->b ^= s->a;
        s->d ^= s->c;
        s->a = turn(s->a, 32);
        s->c += s->b;
        s->a += s->d;
        s->b = turn(s->b, 17);
        s->d = turn(s->d, 21);
        s->b ^= s->c;
        s->d ^= s->a;
        s->c = turn(s->c, 32);
    }
}

static uint64_t sip_hash(int c, int d, uint64_t k0, uint64_t k1, const unsigned char *data,
                         size_t size)
{
    struct sip s = {
        k0 ^ UINT64_C(0x736f6d6570736575),
        k1 ^ UINT64_C(0x646f72616e646f6d),
        k0 ^ UINT64_C(0x6c7967656e657261),
        k1 ^ UINT64_C(0x7465646279746573),
    };
    for (size_t block = 0; block <= size / 8; block++) {
        uint64_t word = block == size / 8 ? (uint64_t)(size % 256) << 56 : 0;
        for (size_t i = 0; i < 8 && block * 8 + i < size; i++)
            word |= (uint64_t)data[block * 8 + i] << (8 * i);
        s.d ^= word;
        mix(&s, c);
        s.a ^= word;
    }
    s.c ^= 0xff;
    mix(&s, d);
    return s.a ^ s.b ^ s.c ^ s.d;
}

static const uint64_t K0 = UINT64_C(0x0706050403020100), K1 = UINT64_C(0x0f0e0d0c0b0a0908);

static void the_reference_gives_the_published_value(void **state)
{
    (void)state;
    unsigned char data[15];
    for (unsigned char i = 0; i < sizeof data; i++)
        data[i] = i;
    /* SipHash-2-4, from the appendix of the paper. */
    assert_true(sip_hash(2, 4, K0, K1, data, sizeof data) == UINT64_C(0xa129ca6149be45e5));
}

static void the_hash_is_siphash_1_3(void **state)
{
    (void)state;
    struct hash_key key = {K0, K1};
    assert_true(hash_bytes(&key, bytes_of("", 0)) == UINT64_C(0xabac0158050fc4dc));
    for (size_t size = 0; size <= 1024; size += size < 64 ? 1 : 37) {
        unsigned char *data = malloc(size + 1);
        for (size_t i = 0; i < size; i++)
            data[i + 1] = (unsigned char)(i * 7 + size);
        uint64_t expected = sip_hash(1, 3, K0, K1, data + 1, size);
        assert_true(hash_bytes(&key, bytes_of(data + 1, size)) == expected);
        free(data);
    }
}

static void another_key_gives_another_hash(void **state)
{
    (void)state;
    struct hash_key key = {K0, K1}, other0 = {K0 + 1, K1}, other1 = {K0, K1 + 1};
    struct bytes name = bytes_text("orders.new");
    assert_true(hash_bytes(&key, name) != hash_bytes(&other0, name));
    assert_true(hash_bytes(&key, name) != hash_bytes(&other1, name));
}

static void mixing_spreads_neighbours(void **state)
{
    (void)state;
    unsigned char seen[256] = {0};
    int used_count = 0;
    for (uint64_t i = 0; i < 256; i++)
        seen[hash_mix(i << 20) % 256] = 1;
    for (int i = 0; i < 256; i++)
        used_count += seen[i];
    assert_true(used_count > 128); /* 162 are expected of 256 random throws */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_gives_the_published_value),
        cmocka_unit_test(the_hash_is_siphash_1_3),
        cmocka_unit_test(another_key_gives_another_hash),
        cmocka_unit_test(mixing_spreads_neighbours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
