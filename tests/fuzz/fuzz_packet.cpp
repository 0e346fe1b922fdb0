// A peer that says anything. The input is a list of steps, each of an operation, two numbers and a
// body: packets as they are, packets whose header fits the session and whose frames are the body,
// fragments, frames of our own, acknowledgements, time and links. Checked: memory (sanitizers), the
// session's invariants after each step, that what is kept stays within what the limits allow, and
// that all of it comes back.
#include "runtime/session.hpp"

#include <equus/base/assert.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

using namespace equus;
using namespace equus::runtime;

namespace {

constexpr rdc_id run{5};
constexpr node_boot ours{node_id{1}, boot_number{1}};
constexpr node_boot theirs{node_id{2}, boot_number{3}};

kernel_limits small_limits() {
    kernel_limits limits;
    limits.packet_bytes_max = 512;
    limits.message_bytes_max = 4096;
    limits.session_packets_max = 6;
    limits.session_reorder_max = 5;
    return limits;
}

class steps {
public:
    explicit steps(std::span<const std::byte> input) : rest_{input} {}

    bool more() const { return !rest_.empty(); }
    std::uint8_t number() {
        if (rest_.empty())
            return 0;
        const auto first = std::to_integer<std::uint8_t>(rest_[0]);
        rest_ = rest_.subspan(1);
        return first;
    }
    std::span<const std::byte> body() {
        const std::size_t size = std::min<std::size_t>(number(), rest_.size());
        const auto taken = rest_.first(size);
        rest_ = rest_.subspan(size);
        return taken;
    }

private:
    std::span<const std::byte> rest_;
};

class hostile_peer {
public:
    hostile_peer(const kernel_limits& limits, packet_pool& pool)
        : ours_{limits, pool, run, ours, theirs, now_}, pool_{pool} {}

    void step(steps& input) {
        const std::uint8_t operation = input.number();
        const std::uint8_t first = input.number();
        const std::uint8_t second = input.number();
        switch (operation % 9) {
        case 0:
            raw(input.body());
            break;
        case 1:
            frames(first, second, input.body());
            break;
        case 2:
            fragment(first, second, input.body());
            break;
        case 3:
            append(first, second * std::size_t{16});
            break;
        case 4:
            drain(first);
            break;
        case 5:
            now_ = now_ + duration{std::int64_t{1} << (first % 36)};
            break;
        case 6:
            if (const link_id link{1u + first % 3}; ours_.has_link(link))
                ours_.detach(link, now_);
            else
                ours_.attach(link, {.dialled = {}, .ordered = second % 2 == 0}, now_);
            break;
        case 7:
            ours_.set_preferred(link_id{first % 4u}, now_);
            break;
        default:
            acknowledge(first, second);
            break;
        }
        EQUUS_ASSERT(ours_.check_invariants().empty());
        // The window, what was appended, what is held, and two messages being put together.
        EQUUS_ASSERT(pool_.bytes_in_use() <= (6 + 5) * 2048 + appended_ + 2 * 100'000);
    }
    void end() {
        ours_.close();
        EQUUS_ASSERT(ours_.check_invariants().empty());
        EQUUS_ASSERT(pool_.bytes_in_use() == 0);
    }

private:
    packet_header header(std::uint8_t sequence_offset) const {
        const packet_header known = ours_.greeting_header();
        packet_header made;
        made.run = run;
        made.from = theirs;
        made.to = ours;
        // Mostly the next one; 255 and 0 reach back and far ahead.
        made.sequence = known.acknowledged + sequence_offset % 16;
        made.acknowledged = ours_.counters().packets_sent;
        return made;
    }
    void deliver(std::span<const std::byte> packet) {
        // A copy of exactly the size, so that a look beyond it is seen.
        const std::vector<std::byte> exact(packet.begin(), packet.end());
        const auto parsed = parse_header(exact);
        if (!parsed)
            return;
        const auto outcome = ours_.receive(*parsed, exact, now_, [this](const frame& f) {
            EQUUS_ASSERT(!reserved_for_session(f.kind));
            EQUUS_ASSERT(f.payload.size() <= ours_.frame_payload_max());
            std::uint8_t sum = 0;
            for (std::byte b : f.payload)
                sum = static_cast<std::uint8_t>(sum + std::to_integer<std::uint8_t>(b));
            if (sum % 4 == 0)
                append(sum, f.payload.size() % 200);
        });
        EQUUS_ASSERT(outcome || outcome.error().code() != errc::ok);
    }
    void raw(std::span<const std::byte> body) { deliver(body); }
    void frames(std::uint8_t sequence, std::uint8_t acknowledged, std::span<const std::byte> body) {
        packet_header made = header(sequence);
        made.acknowledged = acknowledged % 8 == 7 ? acknowledged : made.acknowledged;
        std::vector<std::byte> packet(packet_header_bytes + (body.size() & ~std::size_t{7}));
        encode_header(made, packet.data());
        std::copy_n(body.begin(), packet.size() - packet_header_bytes,
                    packet.begin() + packet_header_bytes);
        deliver(packet);
    }
    void fragment(std::uint8_t sequence, std::uint8_t shape, std::span<const std::byte> body) {
        packet_writer writer{header(sequence)};
        const bool first = (shape & fragment_is_first) != 0;
        const auto payload = writer.append(
            frame_kind::fragment, body.size() + (first ? fragment_prefix_bytes : 0), shape & 3);
        if (first) {
            store_little_endian(payload.data(), static_cast<std::uint32_t>(shape) * 8);
            store_little_endian(payload.data() + 4, std::uint32_t{shape});
        }
        std::copy(body.begin(), body.end(), payload.begin() + (first ? fragment_prefix_bytes : 0));
        deliver(writer.packet());
    }
    void append(std::uint8_t kind, std::size_t size) {
        if (appended_ > 200'000)
            return;
        const auto payload = ours_.reserve(frame_kind{static_cast<std::uint8_t>(kind % 0xf0)},
                                           kind % 3 == 0 ? lane::control : lane::data, size);
        std::fill(payload.begin(), payload.end(), std::byte{kind});
        appended_ += 2048 + 2 * size;
    }
    void drain(std::uint8_t packets) {
        link_id link;
        std::span<const std::byte> data;
        while (packets-- != 0 && ours_.next_packet(now_, link, data)) {
            EQUUS_ASSERT(ours_.has_link(link));
            EQUUS_ASSERT(data.size() <= 512);
            frame_reader reader{data.subspan(packet_header_bytes)};
            for (frame f; reader.next(f);)
                EQUUS_ASSERT(!f.payload.empty() || f.kind != frame_kind::fragment);
            EQUUS_ASSERT(!reader.malformed());
            EQUUS_ASSERT(parse_header(data)->from == ours);
        }
    }
    void acknowledge(std::uint8_t back, std::uint8_t ahead) {
        packet_header made = header(0);
        made.sequence = 0;
        made.acknowledged -= std::min<std::uint64_t>(back % 8, made.acknowledged);
        made.ahead = ahead;
        const packet_writer writer{made};
        deliver(writer.packet());
    }

    time_point now_{1};
    session ours_;
    packet_pool& pool_;
    std::size_t appended_ = 0;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const kernel_limits limits = small_limits();
    packet_pool pool;
    hostile_peer peer{limits, pool};
    steps input{{reinterpret_cast<const std::byte*>(data), size}};
    for (int count = 0; count < 1000 && input.more(); ++count)
        peer.step(input);
    peer.end();
    return 0;
}
