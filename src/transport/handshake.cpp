#include "transport/handshake.hpp"

#include <equus/base/assert.hpp>

#include <sodium.h>

#include <algorithm>

namespace equus::transport {

namespace {

// The fields of a hello behind its magic; integers least significant byte first.
constexpr std::size_t version_at = 4;
constexpr std::size_t role_at = 6;
constexpr std::size_t zero_at = 7;
constexpr std::size_t run_at = 8;
constexpr std::size_t nonce_at = 16;
constexpr std::array magic{std::byte{'E'}, std::byte{'q'}, std::byte{'u'}, std::byte{'s'}};
constexpr std::string_view proof_purpose = "equus link proof 1";

template <class Integer>
void put(std::span<std::byte> out, Integer value) noexcept {
    for (std::size_t i = 0; i < sizeof value; ++i)
        out[i] = static_cast<std::byte>(value >> (8 * i));
}

const unsigned char* raw(std::span<const std::byte> bytes) noexcept {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

} // namespace

handshake::handshake(role own_role, const run_secret& secret, rdc_id run,
                     const nonce& mine) noexcept
    : secret_{secret}, role_{own_role} {
    const int ready = ::sodium_init();
    EQUUS_ASSERT(ready >= 0);
    const std::span<std::byte> out{mine_};
    std::ranges::copy(magic, out.begin());
    put(out.subspan(version_at), link_version);
    put(out.subspan(role_at), static_cast<std::uint8_t>(own_role));
    put(out.subspan(run_at), run.value);
    std::ranges::copy(mine, out.subspan(nonce_at).begin());
    if (!secret_)
        refuse("no run secret is configured");
    else if (role_ == role::dialler)
        send(mine_);
}

handshake::~handshake() {
    ::sodium_memzero(secret_.value.data(), secret_.value.size());
}

std::size_t handshake::wanted() const noexcept {
    if (status_ != status::underway)
        return 0;
    if (role_ == role::dialler)
        return hello_bytes + proof_bytes - in_size_;
    return (heard_hello_ ? proof_bytes : hello_bytes) - in_size_;
}

handshake::status handshake::input(std::span<const std::byte> received) noexcept {
    EQUUS_ASSERT(received.size() <= wanted());
    std::ranges::copy(received, in_.begin() + static_cast<std::ptrdiff_t>(in_size_));
    in_size_ += received.size();
    if (status_ != status::underway || wanted() != 0)
        return status_;

    const std::span<const std::byte> whole{in_.data(), in_size_};
    in_size_ = 0;
    if (role_ == role::dialler) {
        if (!accept_hello(whole.first<hello_bytes>()))
            return status_;
        if (!proves(whole.subspan(hello_bytes), role::listener)) {
            refuse("the listener does not know this run's secret");
            return status_;
        }
        send(proof_of(role::dialler));
        status_ = status::done;
    } else if (!heard_hello_) {
        if (!accept_hello(whole.first<hello_bytes>()))
            return status_;
        heard_hello_ = true;
        send(mine_);
        send(proof_of(role::listener));
    } else if (proves(whole, role::dialler)) {
        status_ = status::done;
    } else {
        refuse("the dialler does not know this run's secret");
    }
    return status_;
}

bool handshake::accept_hello(std::span<const std::byte, hello_bytes> theirs) noexcept {
    std::ranges::copy(theirs, theirs_.begin());
    const auto field_equals = [&](std::size_t at, std::size_t size) {
        return std::ranges::equal(theirs.subspan(at, size), std::span{mine_}.subspan(at, size));
    };
    const role other = role_ == role::dialler ? role::listener : role::dialler;
    if (!field_equals(0, magic.size()))
        refuse("the other side is not an Equus node");
    else if (!field_equals(version_at, sizeof link_version))
        refuse("the other side speaks another version of the link protocol");
    else if (theirs[role_at] != static_cast<std::byte>(other) || theirs[zero_at] != std::byte{})
        refuse("the other side's hello is malformed or our own");
    else if (!field_equals(run_at, sizeof(rdc_id::representation)))
        refuse("the other side belongs to another run");
    else if (field_equals(nonce_at, nonce_bytes))
        refuse("the other side repeats our nonce");
    return status_ == status::underway;
}

handshake::proof handshake::proof_of(role prover) const noexcept {
    const hello& dialler = role_ == role::dialler ? mine_ : theirs_;
    const hello& listener = role_ == role::dialler ? theirs_ : mine_;
    const auto prover_byte = static_cast<unsigned char>(prover);
    crypto_generichash_state hash;
    ::crypto_generichash_init(&hash, raw(secret_.value), secret_.value.size(), proof_bytes);
    ::crypto_generichash_update(&hash, reinterpret_cast<const unsigned char*>(proof_purpose.data()),
                                proof_purpose.size());
    ::crypto_generichash_update(&hash, &prover_byte, 1);
    ::crypto_generichash_update(&hash, raw(dialler), dialler.size());
    ::crypto_generichash_update(&hash, raw(listener), listener.size());
    proof out{};
    ::crypto_generichash_final(&hash, reinterpret_cast<unsigned char*>(out.data()), out.size());
    return out;
}

bool handshake::proves(std::span<const std::byte> claimed, role prover) const noexcept {
    const proof expected = proof_of(prover);
    return claimed.size() == expected.size() &&
           ::sodium_memcmp(claimed.data(), expected.data(), expected.size()) == 0;
}

void handshake::send(std::span<const std::byte> more) noexcept {
    std::ranges::copy(more, out_.begin() + static_cast<std::ptrdiff_t>(out_size_));
    out_size_ += more.size();
}

void handshake::refuse(std::string_view reason) noexcept {
    status_ = status::refused;
    reason_ = reason;
    out_size_ = 0;
}

} // namespace equus::transport
