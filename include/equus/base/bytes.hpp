// Bulk data: bytes that are moved, not copied. The buffer is aligned as whatever `new` gives, which
// suffices for every scalar.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace equus {

/// A byte buffer with one owner. Moving it is a pointer copy; copying it is explicit (`copy()`) in
/// code that cares, and implicit in aggregates that are copied.
class bytes {
public:
    constexpr bytes() noexcept = default;
    explicit bytes(std::size_t size_bytes) : data_(size_bytes) {}
    explicit bytes(std::span<const std::byte> from) : data_(from.begin(), from.end()) {}
    explicit bytes(std::string_view text)
        : bytes{std::as_bytes(std::span{text.data(), text.size()})} {}

    constexpr std::byte* data() noexcept { return data_.data(); }
    constexpr const std::byte* data() const noexcept { return data_.data(); }
    constexpr std::size_t size() const noexcept { return data_.size(); }
    constexpr bool empty() const noexcept { return data_.empty(); }
    void resize(std::size_t size_bytes) { data_.resize(size_bytes); }
    void append(std::span<const std::byte> more) {
        data_.insert(data_.end(), more.begin(), more.end());
    }
    bytes copy() const { return *this; }

    std::span<std::byte> span() noexcept { return {data_.data(), data_.size()}; }
    std::span<const std::byte> span() const noexcept { return {data_.data(), data_.size()}; }
    /// The bytes as text, no check made.
    std::string_view text() const noexcept {
        return {reinterpret_cast<const char*>(data_.data()), data_.size()};
    }
    friend constexpr bool operator==(const bytes&, const bytes&) = default;

private:
    std::vector<std::byte> data_;
};

} // namespace equus
