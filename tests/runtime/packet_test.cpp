#include "runtime/packet.hpp"
#include "runtime/packet_pool.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstring>
#include <vector>

namespace {

using namespace equus;
using namespace equus::runtime;

packet_header sample_header() {
    packet_header header;
    header.run = rdc_id{0x1122334455667788};
    header.from = {node_id{0x01020304}, boot_number{5}};
    header.to = {node_id{6}, boot_number{0x0708090a}};
    header.sequence = 0x8000000000000001;
    header.acknowledged = 77;
    header.ahead = 0x0204;
    return header;
}

std::vector<std::byte> words_of(std::initializer_list<std::uint64_t> words) {
    std::vector<std::byte> all(words.size() * 8);
    std::size_t at = 0;
    for (std::uint64_t word : words)
        store_little_endian(all.data() + 8 * at++, word);
    return all;
}

} // namespace

TEST_CASE("a packet header read back is the header written, at any alignment", "[packet]") {
    for (std::size_t shift = 0; shift < 8; ++shift) {
        std::vector<std::byte> memory(packet_header_bytes + shift);
        encode_header(sample_header(), memory.data() + shift);
        const auto read = parse_header(std::span{memory}.subspan(shift));
        REQUIRE(read.has_value());
        CHECK(*read == sample_header());
    }
}

TEST_CASE("a packet header has its fields at fixed places, little endian", "[packet]") {
    std::byte raw[packet_header_bytes];
    encode_header(sample_header(), raw);
    const auto at = [&raw](std::size_t offset) { return std::to_integer<unsigned>(raw[offset]); };
    CHECK(std::memcmp(raw, "EQP\x01\0\0\0\0", 8) == 0);
    CHECK(at(8) == 0x88); // run
    CHECK(at(15) == 0x11);
    CHECK(at(16) == 0x04); // from
    CHECK(at(20) == 5);
    CHECK(at(24) == 6); // to
    CHECK(at(28) == 0x0a);
    CHECK(at(32) == 1); // sequence
    CHECK(at(39) == 0x80);
    CHECK(at(40) == 77);   // acknowledged
    CHECK(at(48) == 0x04); // ahead
    CHECK(at(49) == 0x02);
}

TEST_CASE("refreshing the acknowledgement of a packet changes nothing else", "[packet]") {
    std::byte raw[packet_header_bytes];
    encode_header(sample_header(), raw);
    refresh_acknowledgement(raw, 1234, 0xf0);
    packet_header expected = sample_header();
    expected.acknowledged = 1234;
    expected.ahead = 0xf0;
    CHECK(parse_header(raw).value() == expected);
}

TEST_CASE("a packet that is short, foreign or not whole words is refused", "[packet]") {
    std::vector<std::byte> raw(packet_header_bytes + 8);
    encode_header(sample_header(), raw.data());
    for (std::size_t size = 0; size < raw.size(); ++size) {
        const bool whole = size >= packet_header_bytes && size % 8 == 0;
        // A copy of exactly that size, so that a sanitizer sees a look beyond it.
        const std::vector<std::byte> cut(raw.begin(), raw.begin() + static_cast<long>(size));
        CHECK(parse_header(cut).has_value() == whole);
    }
    for (std::size_t offset = 0; offset < 8; ++offset) {
        std::vector<std::byte> changed = raw;
        changed[offset] ^= std::byte{0x40};
        const auto parsed = parse_header(changed);
        REQUIRE_FALSE(parsed.has_value());
        CHECK(parsed.error().code() == errc::malformed);
    }
}

TEST_CASE("frames come out as they were written, in order, their bodies at multiples of eight",
          "[packet]") {
    packet_writer writer{sample_header()};
    for (std::size_t size = 0; size < 40; ++size) {
        const auto payload = writer.append(frame_kind{static_cast<std::uint8_t>(size)}, size,
                                           static_cast<std::uint8_t>(200 + size));
        REQUIRE(payload.size() == size);
        std::fill(payload.begin(), payload.end(), std::byte{0xee});
    }
    const auto packet = writer.packet();
    REQUIRE(packet.size() % 8 == 0);
    CHECK(parse_header(packet).value() == sample_header());
    frame_reader reader{packet.subspan(packet_header_bytes)};
    frame next;
    for (std::size_t size = 0; size < 40; ++size) {
        REQUIRE(reader.next(next));
        CHECK(next.kind == frame_kind{static_cast<std::uint8_t>(size)});
        CHECK(next.flags == 200 + size);
        REQUIRE(next.payload.size() == size);
        CHECK((next.payload.data() - packet.data()) % 8 == 0);
        CHECK(std::count(next.payload.begin(), next.payload.end(), std::byte{0xee}) ==
              static_cast<long>(size));
    }
    CHECK_FALSE(reader.next(next));
    CHECK_FALSE(reader.malformed());
}

TEST_CASE("the padding behind a payload is zero even in memory used before", "[packet]") {
    for (std::size_t size = 0; size < 24; ++size) {
        std::vector<std::byte> memory(frame_bytes(size), std::byte{0xff});
        const auto payload = write_frame(memory.data(), frame_kind{3}, 0, size);
        for (std::size_t at = frame_header_bytes + payload.size(); at < memory.size(); ++at)
            CHECK(memory[at] == std::byte{0});
        frame_reader reader{memory};
        frame next;
        CHECK(reader.next(next));
        CHECK(next.payload.size() == size);
    }
}

TEST_CASE("a frame that claims more than its packet has is malformed and is not handed out",
          "[packet]") {
    for (std::uint64_t length :
         {9ull, 16ull, 0x7fffffffull, 0xfffffff0ull, 0xfffffff8ull, 0xffffffffull}) {
        const auto frames = words_of({length, 0});
        frame_reader reader{frames};
        frame next;
        CHECK_FALSE(reader.next(next));
        CHECK(reader.malformed());
    }
}

TEST_CASE("a frame with its reserved bytes set, or half a header, is malformed", "[packet]") {
    const auto reserved = words_of({std::uint64_t{1} << 48 | 8, 0});
    frame_reader first{reserved};
    frame next;
    CHECK_FALSE(first.next(next));
    CHECK(first.malformed());

    const auto good = words_of({8, 0, 0});
    frame_reader half{std::span{good}.first(20)};
    CHECK(half.next(next));
    CHECK_FALSE(half.next(next));
    CHECK(half.malformed());
}

TEST_CASE("every buffer of the pool is as large as asked for and aligned", "[packet]") {
    packet_pool pool;
    for (std::size_t bytes : {0u, 1u, 1024u, 1025u, 1280u, 1281u, 65'536u, 65'537u, 1'000'000u}) {
        packet_buffer* buffer = pool.take(bytes);
        CHECK(buffer->capacity >= bytes);
        CHECK(buffer->capacity <= std::max<std::size_t>(1024, bytes + bytes / 4));
        CHECK(reinterpret_cast<std::uintptr_t>(buffer->data) % 64 == 0);
        std::memset(buffer->data, 0x55, buffer->capacity);
        pool.give(buffer);
    }
    CHECK(pool.bytes_in_use() == 0);
}

TEST_CASE("a buffer that came back is handed out again, without its old bookkeeping", "[packet]") {
    packet_pool pool;
    packet_buffer* first = pool.take(5000);
    first->frames = {3, 4};
    first->oversize = true;
    first->end = 99;
    pool.give(first);
    packet_buffer* second = pool.take(5100);
    CHECK(second == first);
    CHECK(second->frames == std::array<std::uint32_t, 2>{});
    CHECK_FALSE(second->oversize);
    CHECK(second->used().empty());
    CHECK(pool.allocations() == 1);
    pool.give(second);
}

TEST_CASE("the pool keeps no more returned bytes than its bound", "[packet]") {
    packet_pool pool{10'000};
    std::vector<packet_buffer*> taken;
    for (int i = 0; i < 20; ++i)
        taken.push_back(pool.take(2048));
    CHECK(pool.bytes_in_use() == 20 * 2048);
    for (packet_buffer* buffer : taken)
        pool.give(buffer);
    CHECK(pool.bytes_in_use() == 0);
    CHECK(pool.bytes_free() == 4 * 2048);
}
