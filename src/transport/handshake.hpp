// A loopback address is open to every user of the machine, so nothing that arrives on a connection
// is believed before its sender has proved that it knows the run's secret. Three messages of fixed
// size:
//
//     dialler  -> listener   hello: magic, version, role, run, nonce                        48
//     bytes listener -> dialler    hello: the same of its own; proof of the listener 80 bytes
//     dialler  -> listener   proof of the dialler                                           32
//     bytes
//
// A proof is BLAKE2b, keyed with the secret, of the prover's role and both hellos whole. Each side
// has its own nonce in it, so that a recorded proof is of no use again; the role is in it, so that
// a side's own words cannot be sent back to it. A changed bit anywhere changes a proof.
//
// The guarantee ends there: the packets that follow are neither hidden nor protected on their way,
// which only loopback allows. No memory is taken and no reply is sent for more than the fixed
// sizes.
//
// No I/O and no entropy here: a driver carries the bytes and brings the nonce.
#pragma once

#include <equus/base/ids.hpp>
#include <equus/host/secret.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace equus::transport {

/// Raised when anything about the bytes on a connection changes.
inline constexpr std::uint16_t link_version = 1;

class handshake {
public:
    enum class role : std::uint8_t { dialler = 1, listener = 2 };
    enum class status : std::uint8_t {
        underway, ///< send `to_send()`, then feed `wanted()` bytes
        done,     ///< the other side knows the secret; send what is left in `to_send()`
        refused,  ///< `reason()` says why; say nothing more to the other side
    };
    static constexpr std::size_t nonce_bytes = 32;
    static constexpr std::size_t proof_bytes = 32;
    static constexpr std::size_t hello_bytes = 16 + nonce_bytes;
    static constexpr std::size_t received_bytes_max = hello_bytes + proof_bytes;
    using nonce = std::array<std::byte, nonce_bytes>;

    /// `mine` must be unpredictable and never used twice with this secret.
    handshake(role own_role, const run_secret& secret, rdc_id run, const nonce& mine) noexcept;
    ~handshake();
    handshake(const handshake&) = delete;
    handshake& operator=(const handshake&) = delete;

    status state() const noexcept { return status_; }
    /// Bytes to send now. `sent()` empties it.
    std::span<const std::byte> to_send() const noexcept { return {out_.data(), out_size_}; }
    void sent() noexcept { out_size_ = 0; }
    /// How many bytes the next step needs: never read more than that before `done`.
    std::size_t wanted() const noexcept;
    /// Bytes from the other side, any number up to `wanted()`.
    status input(std::span<const std::byte> received) noexcept;
    /// Why it was refused, for people on this side; empty otherwise.
    std::string_view reason() const noexcept { return reason_; }

private:
    using hello = std::array<std::byte, hello_bytes>;
    using proof = std::array<std::byte, proof_bytes>;

    void refuse(std::string_view reason) noexcept;
    bool accept_hello(std::span<const std::byte, hello_bytes> theirs) noexcept;
    proof proof_of(role prover) const noexcept;
    bool proves(std::span<const std::byte> claimed, role prover) const noexcept;
    void send(std::span<const std::byte> more) noexcept;

    run_secret secret_;
    role role_;
    status status_ = status::underway;
    bool heard_hello_ = false;
    std::string_view reason_;
    hello mine_{};
    hello theirs_{};
    std::array<std::byte, received_bytes_max> in_{};
    std::array<std::byte, received_bytes_max> out_{};
    std::size_t in_size_ = 0;
    std::size_t out_size_ = 0;
};

} // namespace equus::transport
