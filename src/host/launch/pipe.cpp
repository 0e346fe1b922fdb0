#include "host/launch/pipe.hpp"

#include <asio/read.hpp>
#include <asio/write.hpp>

#include <array>

namespace equus::launcher {

void pipe::send(message_kind kind, bytes body) {
    if (closed_)
        return;
    const message whole{kind, std::move(body)};
    const std::size_t size = wire::size_bytes(whole);
    bytes out(4 + size);
    for (int i = 0; i < 4; ++i)
        out.data()[i] = static_cast<std::byte>(size >> (8 * i));
    wire::encode(whole, out.span().subspan(4));
    outgoing_.push_back(std::move(out));
    if (outgoing_.size() == 1)
        write();
}

void pipe::write() {
    auto self = shared_from_this();
    asio::async_write(socket_, asio::buffer(outgoing_.front().data(), outgoing_.front().size()),
                      [self](const asio::error_code& failed, std::size_t) {
                          if (failed) {
                              self->close();
                              return;
                          }
                          self->outgoing_.pop_front();
                          if (!self->outgoing_.empty() && !self->closed_)
                              self->write();
                      });
}

void pipe::read_length() {
    auto self = shared_from_this();
    asio::async_read(socket_, asio::buffer(length_),
                     [self](const asio::error_code& failed, std::size_t) {
                         std::uint32_t length = 0;
                         for (std::size_t i = 0; i < 4; ++i)
                             length |= static_cast<std::uint32_t>(self->length_[i]) << (8 * i);
                         if (failed || length == 0 || length > message_bytes_max)
                             self->close();
                         else
                             self->read_body(length);
                     });
}

void pipe::read_body(std::uint32_t length) {
    incoming_ = bytes(length);
    auto self = shared_from_this();
    asio::async_read(socket_, asio::buffer(incoming_.data(), incoming_.size()),
                     [self](const asio::error_code& failed, std::size_t) {
                         auto whole = failed ? fail(errc::io_failed)
                                             : wire::decode<message>(self->incoming_.span());
                         if (!whole) {
                             self->close();
                             return;
                         }
                         if (self->on_message)
                             self->on_message(std::move(*whole));
                         if (!self->closed_)
                             self->read_length();
                     });
}

void pipe::close() {
    if (closed_)
        return;
    closed_ = true;
    asio::error_code ignored;
    socket_.close(ignored);
    if (on_closed)
        on_closed();
}

} // namespace equus::launcher
