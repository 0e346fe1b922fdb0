// Where code of an incarnation enters the kernel, and what the kernel's files share. Included at
// the end of kernel_impl.hpp.
#pragma once

#include "runtime/kernel_impl.hpp"

namespace equus {

namespace runtime {

inline stream_extra& stream_record::more() {
    if (!extra) {
        extra = std::make_unique<stream_extra>();
        extra->queue_max = kernel->options.limits.asinvoke_limit;
    }
    return *extra;
}

/// Code of an incarnation runs between its making and its end, so that what it allocates and asks
/// for is its own.
class running_scope {
public:
    explicit running_scope(incarnation_record* now_running) noexcept
        : running_{detail::running()}, before_{running_} {
        running_ = now_running;
    }
    ~running_scope() { running_ = before_; }
    running_scope(const running_scope&) = delete;

private:
    detail::incarnation_core*& running_;
    detail::incarnation_core* before_;
};

/// Where code of an incarnation enters the kernel: as long as this lives, what is allocated is the
/// kernel's, and no exception of operator new comes through it. Every function that an application
/// calls begins with one; scripts/check-layers looks for those that do not.
class kernel_entry {
public:
    kernel_entry() noexcept
        : inc_{static_cast<incarnation_record*>(detail::running())},
          scope_{inc_, detail::heap_use::kernel} {}
    operator incarnation_record*() const noexcept { return inc_; }
    incarnation_record& operator*() const noexcept { return *inc_; }
    incarnation_record* operator->() const noexcept { return inc_; }

private:
    incarnation_record* inc_;
    detail::allocating_scope scope_;
};

/// Stands for an incarnation while a module is asked what its class declares; it has no kernel.
struct describing_record : incarnation_record {
    detail::module_type* described = nullptr;
};

/// Encodes a frame of the codec as bytes.
template <class Frame>
bytes encode_frame(const Frame& frame) {
    bytes out(wire::size_bytes(frame));
    wire::encode(frame, out.span());
    return out;
}

} // namespace runtime

namespace detail {
reference describe_interface(runtime::incarnation_record& describing, std::string_view name,
                             interface_kind kind, const protocol_type& protocol);
} // namespace detail

template <class Frame>
void kernel_impl::send_greeting(link_id link, runtime::frame_kind kind, const Frame& frame) {
    runtime::packet_header header;
    header.run = options.run;
    header.from = self;
    runtime::packet_writer packet{header};
    wire::encode(frame, packet.append(kind, wire::size_bytes(frame)));
    greetings.emplace_back(link, bytes{packet.packet()});
}

template <class Frame>
void kernel_impl::send_frame(node_boot to, runtime::frame_kind kind, runtime::lane where,
                             const Frame& frame) {
    if (runtime::session* session = session_to(to))
        wire::encode(frame, session->reserve(kind, where, wire::size_bytes(frame)));
}

} // namespace equus
