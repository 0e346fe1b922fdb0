// The first byte chooses limit, buffer and guard, the second how the rest is cut into reads.
// Checked: the parser ends, stays inside its buffer (sanitizers), gives the same packets however
// the stream is cut, and gives nothing that writing the packets again would not give back.
#include "transport/link/packets.hpp"

#include <equus/base/assert.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

using namespace equus::transport;

namespace {

using packets = std::vector<std::vector<std::byte>>;

class parity_guard final : public batch_guard {
public:
    std::size_t overhead_bytes() const noexcept override { return 1; }
    void seal(std::span<std::byte> batch) noexcept override { batch.back() = std::byte{0x5a}; }
    bool open(std::span<std::byte> batch) noexcept override {
        return batch.back() == std::byte{0x5a};
    }
};

struct outcome {
    packets found;
    bool refused = false;
    bool at_border = true;
};

outcome read_all(std::span<const std::byte> stream, std::size_t step, std::uint32_t max,
                 std::size_t spare, batch_guard* guard) {
    std::vector<std::byte> buffer(packet_reader::buffer_bytes_min(max, guard) + spare);
    packet_reader reader{buffer, max, guard};
    outcome out;
    while (!stream.empty() && !out.refused) {
        const std::size_t size = std::min({step, stream.size(), reader.room().size()});
        EQUUS_ASSERT(size != 0);
        std::memcpy(reader.room().data(), stream.data(), size);
        reader.filled(size);
        stream = stream.subspan(size);
        std::span<const std::byte> packet;
        auto status = reader.next(packet);
        for (; status == packet_parser::status::packet; status = reader.next(packet)) {
            EQUUS_ASSERT(!packet.empty() && packet.size() <= max);
            out.found.emplace_back(packet.begin(), packet.end());
        }
        out.refused = status == packet_parser::status::refused;
    }
    out.at_border = reader.at_border();
    return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2)
        return 0;
    const std::span<const std::byte> stream{reinterpret_cast<const std::byte*>(data) + 2, size - 2};
    const std::uint32_t max = 1 + (data[0] & 0x3fu);
    const std::size_t spare = (data[0] & 0x40u) != 0 ? 0 : 200;
    parity_guard guard;
    batch_guard* const chosen = (data[0] & 0x80u) != 0 ? &guard : nullptr;

    const outcome whole = read_all(stream, stream.size() + 1, max, spare, chosen);
    const outcome cut = read_all(stream, 1 + std::size_t{data[1]}, max, spare, chosen);
    EQUUS_ASSERT(whole.found == cut.found && whole.refused == cut.refused);

    packet_writer writer{max, chosen};
    for (const auto& packet : whole.found)
        writer.append(packet);
    std::vector<std::byte> written;
    writer.take(written);
    if (!chosen)
        EQUUS_ASSERT(written.size() <= stream.size() &&
                     std::equal(written.begin(), written.end(), stream.begin()));
    const outcome again = read_all(written, 7, max, spare, chosen);
    EQUUS_ASSERT(again.found == whole.found && !again.refused && again.at_border);
    return 0;
}
