#include "transport/link/framing.hpp"

#include <catch2/catch.hpp>

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

using namespace equus::transport;
using status = packet_parser::status;

namespace {

std::vector<std::byte> framed(const std::vector<std::string>& packets) {
    std::vector<std::byte> out;
    for (const std::string& packet : packets) {
        std::byte header[packet_header_bytes];
        write_packet_header(header, static_cast<std::uint32_t>(packet.size()));
        out.insert(out.end(), header, header + packet_header_bytes);
        const auto body = std::as_bytes(std::span{packet.data(), packet.size()});
        out.insert(out.end(), body.begin(), body.end());
    }
    return out;
}

/// Feeds `stream` in reads that end at each of `cuts` and wherever the parser has no more room.
std::vector<std::string> parse(std::span<const std::byte> stream, std::vector<std::size_t> cuts,
                               packet_parser& parser, status& last) {
    std::vector<std::string> found;
    cuts.push_back(stream.size());
    std::size_t at = 0;
    last = status::more;
    for (std::size_t cut : cuts) {
        while (at < cut) {
            const std::size_t size = std::min(cut - at, parser.room().size());
            REQUIRE(size != 0);
            std::memcpy(parser.room().data(), stream.data() + at, size);
            parser.filled(size);
            at += size;
            std::span<std::byte> packet;
            while ((last = parser.next(packet)) == status::packet)
                found.emplace_back(reinterpret_cast<const char*>(packet.data()), packet.size());
            if (last == status::refused)
                return found;
        }
    }
    return found;
}

} // namespace

TEST_CASE("packets come out whole wherever two reads cut the stream", "[transport]") {
    const std::vector<std::string> packets{"a", "bc", std::string(16, 'x'), "d", "efghij"};
    const auto stream = framed(packets);
    for (std::size_t buffer_size : {20u, 21u, 24u, 40u, 100u})
        for (std::size_t first = 0; first <= stream.size(); ++first)
            for (std::size_t second = first; second <= stream.size(); ++second) {
                std::vector<std::byte> buffer(buffer_size);
                packet_parser parser{buffer, 16};
                status last{};
                REQUIRE(parse(stream, {first, second}, parser, last) == packets);
                REQUIRE(last == status::more);
                REQUIRE(parser.at_border());
            }
}

TEST_CASE("packets come out whole from a stream that arrives byte by byte", "[transport]") {
    const std::vector<std::string> packets{std::string(7, 'p'), "q", std::string(9, 'r'), "s"};
    const auto stream = framed(packets);
    std::vector<std::size_t> cuts;
    for (std::size_t i = 1; i < stream.size(); ++i)
        cuts.push_back(i);
    std::vector<std::byte> buffer(13);
    packet_parser parser{buffer, 9};
    status last{};
    REQUIRE(parse(stream, cuts, parser, last) == packets);
    REQUIRE(parser.at_border());
}

TEST_CASE("a packet that arrives whole is not moved", "[transport]") {
    const auto stream = framed({"one", "two", "three"});
    std::vector<std::byte> buffer(64);
    packet_parser parser{buffer, 16};
    status last{};
    for (int i = 0; i < 100; ++i)
        REQUIRE(parse(stream, {}, parser, last).size() == 3);
    REQUIRE(parser.bytes_moved() == 0);
}

TEST_CASE("a packet is moved at most once, and only when its end would not fit", "[transport]") {
    const std::vector<std::string> packets{std::string(40, 'a'), std::string(40, 'b')};
    const auto stream = framed(packets);
    std::vector<std::byte> buffer(64);
    packet_parser parser{buffer, 60};
    status last{};
    REQUIRE(parse(stream, {50}, parser, last) == packets);
    REQUIRE(parser.bytes_moved() == 6);
}

TEST_CASE("a stream cut off inside a packet does not end at a border", "[transport]") {
    const auto stream = framed({"whole", "cut off"});
    for (std::size_t size = 1; size < stream.size(); ++size) {
        std::vector<std::byte> buffer(64);
        packet_parser parser{buffer, 16};
        status last{};
        parse(std::span{stream}.first(size), {}, parser, last);
        REQUIRE(parser.at_border() == (size == 9));
    }
}

TEST_CASE("a length outside the limit is refused before its bytes are waited for", "[transport]") {
    for (std::uint32_t length : {0u, 17u, 0x1000u, 0x7fffffffu, 0xffffffffu}) {
        std::vector<std::byte> buffer(64);
        packet_parser parser{buffer, 16};
        std::byte header[packet_header_bytes];
        write_packet_header(header, length);
        std::memcpy(parser.room().data(), header, sizeof header);
        parser.filled(sizeof header);
        std::span<std::byte> packet;
        REQUIRE(parser.next(packet) == status::refused);
        REQUIRE(parser.next(packet) == status::refused);
    }
}

TEST_CASE("packets before a bad length are still given", "[transport]") {
    auto stream = framed({"good", "also"});
    stream.insert(stream.end(), 8, std::byte{0xff});
    std::vector<std::byte> buffer(64);
    packet_parser parser{buffer, 16};
    status last{};
    REQUIRE(parse(stream, {}, parser, last) == std::vector<std::string>{"good", "also"});
    REQUIRE(last == status::refused);
}

TEST_CASE("the length of a packet is written least significant byte first", "[transport]") {
    std::byte header[packet_header_bytes];
    write_packet_header(header, 0x04030201);
    for (std::size_t i = 0; i < packet_header_bytes; ++i)
        REQUIRE(header[i] == static_cast<std::byte>(i + 1));
}
