// What the kernel's files that answer requests share: bodies read, and refusals made.
#pragma once

#include "runtime/frames.hpp"

#include <string>
#include <utility>

namespace equus::runtime {

inline answer_frame refuse(errc code, std::string text) {
    answer_frame out;
    out.status = code;
    out.text = std::move(text);
    return out;
}
inline answer_frame refuse(const error& why) {
    return refuse(why.code(), why.cause() ? why.describe() : std::string{why.text()});
}

/// False: the bytes are no such body.
template <class Body>
bool read(Body& body, const bytes& from) {
    auto decoded = wire::decode<Body>(from.span());
    if (!decoded)
        return false;
    body = std::move(*decoded);
    return true;
}
template <class Body>
bool read(Body& body, const request_frame& frame) {
    return read(body, frame.body);
}

} // namespace equus::runtime
