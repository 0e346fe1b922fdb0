#include "transport/link/packets.hpp"

#include <catch2/catch.hpp>

#include <cstring>
#include <string>
#include <vector>

using namespace equus::transport;
using status = packet_parser::status;

namespace {

/// Not a cipher: it shows that every batch is sealed once, opened once, in order and unchanged.
class counting_guard final : public batch_guard {
public:
    std::size_t overhead_bytes() const noexcept override { return 3; }
    void seal(std::span<std::byte> batch) noexcept override {
        std::byte sum{};
        for (std::byte& b : batch.first(batch.size() - 3)) {
            b ^= std::byte{0x5a};
            sum ^= b;
        }
        batch[batch.size() - 3] = sum;
        batch[batch.size() - 2] = static_cast<std::byte>(sealed & 0xff);
        batch[batch.size() - 1] = static_cast<std::byte>(sealed >> 8 & 0xff);
        ++sealed;
    }
    bool open(std::span<std::byte> batch) noexcept override {
        std::byte sum{};
        for (std::byte& b : batch.first(batch.size() - 3)) {
            sum ^= b;
            b ^= std::byte{0x5a};
        }
        const bool right = batch[batch.size() - 3] == sum &&
                           batch[batch.size() - 2] == static_cast<std::byte>(opened & 0xff) &&
                           batch[batch.size() - 1] == static_cast<std::byte>(opened >> 8 & 0xff);
        ++opened;
        return right;
    }
    unsigned sealed = 0, opened = 0;
};

std::span<const std::byte> as_packet(const std::string& text) {
    return std::as_bytes(std::span{text.data(), text.size()});
}

struct outcome {
    std::vector<std::string> packets;
    status last = status::more;
    bool at_border = true;
};

outcome read_all(std::span<const std::byte> stream, std::size_t read_size, std::uint32_t max,
                 batch_guard* guard) {
    std::vector<std::byte> buffer(packet_reader::buffer_bytes_min(max, guard) + 10);
    packet_reader reader{buffer, max, guard};
    outcome out;
    while (!stream.empty() && out.last != status::refused) {
        const std::size_t size = std::min({read_size, stream.size(), reader.room().size()});
        REQUIRE(size != 0);
        std::memcpy(reader.room().data(), stream.data(), size);
        stream = stream.subspan(size);
        reader.filled(size);
        std::span<const std::byte> packet;
        while ((out.last = reader.next(packet)) == status::packet)
            out.packets.emplace_back(reinterpret_cast<const char*>(packet.data()), packet.size());
    }
    out.at_border = reader.at_border();
    return out;
}

std::vector<std::string> sample(std::uint32_t max) {
    std::vector<std::string> packets;
    for (std::size_t i = 0; i < 40; ++i)
        packets.emplace_back(1 + i * 37 % max, static_cast<char>('a' + i % 26));
    packets.emplace_back(max, 'z');
    packets.emplace_back(max, 'y');
    return packets;
}

std::vector<std::byte> write_all(const std::vector<std::string>& packets, std::uint32_t max,
                                 batch_guard* guard, std::size_t packets_a_take) {
    packet_writer writer{max, guard};
    std::vector<std::byte> stream, taken;
    for (std::size_t i = 0; i < packets.size(); ++i) {
        writer.append(as_packet(packets[i]));
        if (i % packets_a_take == 0 || i + 1 == packets.size()) {
            writer.take(taken);
            REQUIRE(writer.empty());
            stream.insert(stream.end(), taken.begin(), taken.end());
        }
    }
    return stream;
}

} // namespace

TEST_CASE("what a writer took in comes out of a reader, guarded or not", "[transport]") {
    constexpr std::uint32_t max = 100;
    const auto packets = sample(max);
    for (bool guarded : {false, true})
        for (std::size_t packets_a_take : {1u, 3u, 50u})
            for (std::size_t read_size : {1u, 7u, 64u, 5'000u}) {
                counting_guard out, in;
                const auto stream =
                    write_all(packets, max, guarded ? &out : nullptr, packets_a_take);
                const auto got = read_all(stream, read_size, max, guarded ? &in : nullptr);
                REQUIRE(got.packets == packets);
                REQUIRE(got.last == status::more);
                REQUIRE(got.at_border);
                REQUIRE(out.sealed == in.opened);
            }
}

TEST_CASE("packets written together are sealed together", "[transport]") {
    counting_guard guard;
    packet_writer writer{1'000, &guard};
    for (int i = 0; i < 20; ++i)
        writer.append(as_packet("a packet"));
    std::vector<std::byte> taken;
    writer.take(taken);
    REQUIRE(guard.sealed == 1);
    writer.take(taken);
    REQUIRE(taken.empty());
    REQUIRE(guard.sealed == 1);
}

TEST_CASE("a guarded stream with any bit changed gives no changed packet", "[transport]") {
    const std::vector<std::string> packets{"first", "second", "third"};
    counting_guard out;
    const auto stream = write_all(packets, 16, &out, 2);
    for (std::size_t bit = 0; bit < stream.size() * 8; ++bit) {
        auto changed = stream;
        changed[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
        counting_guard in;
        const auto got = read_all(changed, 1'000, 16, &in);
        REQUIRE(got.packets.size() <= packets.size());
        REQUIRE((got.last == status::refused || !got.at_border));
        for (std::size_t i = 0; i < got.packets.size(); ++i)
            REQUIRE(got.packets[i] == packets[i]);
    }
}

TEST_CASE("a batch whose inside is no sequence of packets is refused", "[transport]") {
    counting_guard guard, in;
    std::vector<std::byte> stream(packet_header_bytes + 9 + 3);
    write_packet_header(std::span{stream}.first<packet_header_bytes>(), 12);
    write_packet_header(std::span{stream}.subspan<packet_header_bytes, packet_header_bytes>(), 6);
    guard.seal(std::span{stream}.subspan(packet_header_bytes));
    REQUIRE(read_all(stream, 100, 16, &in).last == status::refused);
}

TEST_CASE("taken memory is used again", "[transport]") {
    packet_writer writer{16, nullptr};
    std::vector<std::byte> first, second;
    writer.append(as_packet("one"));
    writer.take(first);
    const std::byte* memory = first.data();
    writer.append(as_packet("two"));
    writer.take(second);
    writer.take(first);
    writer.append(as_packet("six"));
    writer.take(second);
    REQUIRE(second.data() == memory);
}
