#include "runtime/frames.hpp"

namespace equus::runtime {

namespace {

// A cursor over a fixed header: fields follow each other without gaps.
class writer {
public:
    explicit writer(std::byte* to) noexcept : at_{to} {}
    template <class T>
    void put(T value) noexcept {
        store_little_endian(at_, value);
        at_ += sizeof(T);
    }
    void put(incarnation_id id) noexcept {
        put(id.node.value);
        put(id.boot.value);
        put(id.counter);
    }
    template <class Tag>
    void put(owned_id<Tag> id) noexcept {
        put(id.owner);
        put(id.counter);
    }

private:
    std::byte* at_;
};

class reader {
public:
    explicit reader(const std::byte* from) noexcept : at_{from} {}
    template <class T>
    void get(T& value) noexcept {
        value = load_little_endian<T>(at_);
        at_ += sizeof(T);
    }
    void get(incarnation_id& id) noexcept {
        get(id.node.value);
        get(id.boot.value);
        get(id.counter);
    }
    template <class Tag>
    void get(owned_id<Tag>& id) noexcept {
        get(id.owner);
        get(id.counter);
    }

private:
    const std::byte* at_;
};

} // namespace

void store(const message_header& h, std::byte* to) noexcept {
    writer out{to};
    out.put(h.stream);
    out.put(h.stream_slot);
    out.put(h.port_slot);
    out.put(h.leg_slot);
    out.put(h.rebinds);
    out.put(h.channel);
    out.put(h.number);
    out.put(h.ordinal);
    out.put(h.flags);
    out.put(h.capability_count);
    out.put(h.body_bytes);
    out.put(h.capability_bytes);
    out.put(h.proof);
    if (h.flags & message_header::is_call) {
        out.put(h.call);
        out.put(h.caller.node.value);
        out.put(h.caller.boot.value);
        out.put(h.call_slot);
        out.put(h.forwards);
        out.put(static_cast<std::uint64_t>(h.timeout_ns));
    }
}

void readdress(std::byte* frame, std::uint32_t port_slot, std::uint32_t leg_slot) noexcept {
    constexpr std::size_t stream_bytes = 20; // its id and its slot
    store_little_endian(frame + stream_bytes, port_slot);
    store_little_endian(frame + stream_bytes + 4, leg_slot);
}

bool load(message_header& h, std::span<const std::byte> frame) noexcept {
    if (frame.size() < message_header::plain_bytes)
        return false;
    reader in{frame.data()};
    in.get(h.stream);
    in.get(h.stream_slot);
    in.get(h.port_slot);
    in.get(h.leg_slot);
    in.get(h.rebinds);
    in.get(h.channel);
    in.get(h.number);
    in.get(h.ordinal);
    in.get(h.flags);
    in.get(h.capability_count);
    in.get(h.body_bytes);
    in.get(h.capability_bytes);
    in.get(h.proof);
    if (frame.size() < h.bytes())
        return false;
    if (h.flags & message_header::is_call) {
        std::uint64_t timeout = 0;
        in.get(h.call);
        in.get(h.caller.node.value);
        in.get(h.caller.boot.value);
        in.get(h.call_slot);
        in.get(h.forwards);
        in.get(timeout);
        h.timeout_ns = static_cast<std::int64_t>(timeout);
        if (!h.call || h.timeout_ns < 0)
            return false;
    }
    const std::size_t rest = frame.size() - h.bytes();
    return h.number != 0 && h.stream && h.capability_bytes <= rest &&
           h.body_bytes == rest - h.capability_bytes && h.capability_bytes % 8 == 0 &&
           (h.capability_count == 0) == (h.capability_bytes == 0);
}

void store(const reply_header& h, std::byte* to) noexcept {
    writer out{to};
    out.put(h.call);
    out.put(h.call_slot);
    out.put(static_cast<std::uint16_t>(h.status));
    out.put(h.capability_count);
    out.put(h.text_bytes);
    out.put(h.capability_bytes);
    out.put(h.body_bytes);
    out.put(h.proof);
}

bool load(reply_header& h, std::span<const std::byte> frame) noexcept {
    if (frame.size() < reply_header::fixed_bytes)
        return false;
    reader in{frame.data()};
    std::uint16_t status = 0;
    in.get(h.call);
    in.get(h.call_slot);
    in.get(status);
    in.get(h.capability_count);
    in.get(h.text_bytes);
    in.get(h.capability_bytes);
    in.get(h.body_bytes);
    in.get(h.proof);
    h.status = static_cast<errc>(status);
    const std::uint64_t wanted = std::uint64_t{h.text_bytes} + h.capability_bytes + h.body_bytes;
    return h.call && h.text_bytes % 8 == 0 && h.capability_bytes % 8 == 0 &&
           wanted == frame.size() - reply_header::fixed_bytes;
}

void store(const credit_header& h, std::byte* to) noexcept {
    writer out{to};
    out.put(h.stream);
    out.put(h.stream_slot);
    out.put(h.leg_slot);
    out.put(h.consumed);
    out.put(h.limit_messages);
    out.put(h.limit_bytes);
}

bool load(credit_header& h, std::span<const std::byte> frame) noexcept {
    if (frame.size() != credit_header::fixed_bytes)
        return false;
    reader in{frame.data()};
    in.get(h.stream);
    in.get(h.stream_slot);
    in.get(h.leg_slot);
    in.get(h.consumed);
    in.get(h.limit_messages);
    in.get(h.limit_bytes);
    return static_cast<bool>(h.stream);
}

void store(const chunk_header& h, std::byte* to) noexcept {
    writer out{to};
    out.put(h.id);
    out.put(h.position);
    std::memcpy(to + 16, h.odd, sizeof h.odd);
    to[23] = static_cast<std::byte>(h.odd_count);
}

bool load(chunk_header& h, std::span<const std::byte> frame) noexcept {
    if (frame.size() < chunk_header::fixed_bytes)
        return false;
    reader in{frame.data()};
    in.get(h.id);
    in.get(h.position);
    std::memcpy(h.odd, frame.data() + 16, sizeof h.odd);
    h.odd_count = static_cast<std::uint8_t>(frame[23]);
    return h.odd_count <= sizeof h.odd;
}

error_chain chain_of(const error& whole) {
    error_chain out;
    for (const error* e = &whole; e && out.links.size() < error_chain::links_max; e = e->cause()) {
        std::string_view text = e->text();
        if (text.size() > error_chain::text_bytes_max) {
            std::size_t end = error_chain::text_bytes_max;
            while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
                --end; // not within a character
            text = text.substr(0, end);
        }
        out.links.push_back({e->code(), std::string{text}});
    }
    return out;
}

error error_of(errc code, const std::vector<error_link>& links) {
    if (links.empty())
        return code;
    const auto without_cause = [](const error_link& link) {
        return link.text.empty() ? error{link.code} : error{link.code, link.text};
    };
    error out = without_cause(links.back());
    for (std::size_t i = links.size() - 1; i-- > 0;)
        out = error{links[i].code, links[i].text, std::move(out)};
    return out;
}

} // namespace equus::runtime
