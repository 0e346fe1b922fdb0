#include "transport/tcp_connection.hpp"

#include "platform.hpp"

#include <asio/buffer.hpp>
#include <asio/post.hpp>
#include <asio/read.hpp>

namespace equus::transport {

namespace {

using asio::error_code;

/// From here on it pays to write a packet from where it lies.
constexpr std::size_t gather_bytes_min = 16u << 10;
/// What has to have come of a packet before one asks where the rest belongs.
constexpr std::size_t placed_head_min = 96;
/// How much is read behind a packet whose end goes to where it belongs.
constexpr std::size_t placed_next_bytes = 128;
/// A connection's write memory that is kept when all has been written.
constexpr std::size_t idle_write_bytes_max = 1u << 20;

bool would_block(const error_code& problem) {
    return problem == asio::error::would_block || problem == asio::error::try_again;
}

} // namespace

// ---- before the link

void connection::limit_handshake() {
    timer_.expires_after(shared_->options.handshake_within);
    timer_.async_wait([self = shared_from_this()](const error_code& problem) {
        if (!problem && self->shared_ && !self->link_)
            self->refuse({errc::timed_out, "no answer within the handshake's time limit"});
    });
}

void connection::connect(const asio::ip::tcp::endpoint& to) {
    peer_ = to.address();
    limit_handshake();
    socket_.async_connect(to, [self = shared_from_this()](const error_code& problem) {
        if (!self->shared_)
            return;
        if (problem)
            self->refuse(io_error("cannot connect", problem));
        else
            self->begin_handshake();
    });
}

void connection::accepted() {
    error_code ignored;
    peer_ = socket_.remote_endpoint(ignored).address();
    limit_handshake();
    begin_handshake();
}

void connection::begin_handshake() {
    error_code problem;
    socket_.set_option(asio::ip::tcp::no_delay{true}, problem);
    socket_.non_blocking(true, problem);
    handshake::nonce nonce;
    platform::entropy(nonce);
    handshake_.emplace(is_dial() ? handshake::role::dialler : handshake::role::listener,
                       shared_->options.secret, shared_->options.run, nonce);
    if (handshake_->state() == handshake::status::refused)
        refuse({errc::refused, std::string{handshake_->reason()}});
    else if (send_handshake())
        read_handshake();
}

bool connection::send_handshake() {
    const std::span<const std::byte> out = handshake_->to_send();
    if (out.empty())
        return true;
    // A new connection takes so few bytes at once, or something is wrong with it.
    error_code problem;
    const std::size_t sent = socket_.write_some(asio::buffer(out.data(), out.size()), problem);
    if (problem || sent != out.size()) {
        refuse(io_error("the connection broke during the handshake", problem));
        return false;
    }
    handshake_->sent();
    return true;
}

void connection::read_handshake() {
    const auto into = asio::buffer(handshake_in_.data(), handshake_->wanted());
    asio::async_read(
        socket_, into, [self = shared_from_this()](const error_code& problem, std::size_t got) {
            if (!self->shared_)
                return;
            if (problem) {
                self->refuse(io_error("the other side ended the handshake", problem));
                return;
            }
            const auto state = self->handshake_->input(std::span{self->handshake_in_}.first(got));
            if (state == handshake::status::refused)
                self->refuse({errc::refused, std::string{self->handshake_->reason()}});
            else if (self->send_handshake())
                state == handshake::status::done ? self->become_link() : self->read_handshake();
        });
}

void connection::refuse(error reason) {
    tcp_shared& shared = *shared_;
    const auto self = shared_from_this();
    ++shared.counters.refused;
    std::erase(shared.pending, self);
    drop();
    if (dialled_)
        shared.receiver.dial_failed(dialled_, std::move(reason));
}

void connection::become_link() {
    tcp_shared& shared = *shared_;
    timer_.cancel();
    handshake_.reset();
    const auto self = shared_from_this();
    std::erase(shared.pending, self);
    link_ = {++shared.last_link};
    shared.links.emplace(link_.value, self);
    ++shared.counters.links;

    const std::uint32_t packet_bytes_max = shared.options.packet_bytes_max;
    if (shared.options.make_guard)
        guard_ = shared.options.make_guard(is_dial());
    read_buffer_ = shared.take_read_buffer();
    reader_.emplace(read_buffer_.span(), packet_bytes_max, guard_.get());
    writer_.emplace(packet_bytes_max, guard_.get());
    shared.receiver.link_up(link_, dialled_);
    if (shared_)
        read();
}

// ---- the link: reading

void connection::read() {
    const std::span<std::byte> room = reader_->room();
    socket_.async_read_some(
        asio::buffer(room.data(), room.size()),
        [self = shared_from_this()](const error_code& problem, std::size_t got) {
            if (!self->shared_ || self->broken_)
                return;
            if (problem == asio::error::eof)
                self->end({errc::closed, "the other side closed the link"});
            else if (problem)
                self->end(io_error("the link broke", problem));
            else
                self->read_some(got);
        });
}

void connection::read_some(std::size_t size_bytes) {
    ++shared_->counters.reads;
    shared_->counters.bytes_read += size_bytes;
    reader_->filled(size_bytes);
    take_packets();
}

/// Gives the receiver what is whole, then reads on.
void connection::take_packets() {
    tcp_receiver& receiver = shared_->receiver;
    std::span<const std::byte> packet;
    auto found = reader_->next(packet);
    for (; found == packet_parser::status::packet; found = reader_->next(packet))
        receiver.packet(link_, packet);
    receiver.packets_end();
    // The turn may have hung this link up.
    if (!shared_ || broken_)
        return;
    if (found == packet_parser::status::refused)
        end({errc::malformed, "bytes on the link are not a packet"});
    else if (read_in_place())
        read_placed_soon();
    else
        read();
}

/// Whether the packet that is on its way goes, or has begun to go, to where it belongs.
bool connection::read_in_place() {
    const std::span<const std::byte> head = reader_->partial();
    return placed_ != 0 ||
           (head.size() >= placed_head_min &&
            !shared_->receiver.place(link_, head, 0, reader_->partial_size()).empty());
}

/// Others of the loop have their turn between two reads.
void connection::read_placed_soon() {
    asio::post(shared_->context, [self = shared_from_this()] {
        if (self->shared_ && !self->broken_)
            self->read_placed();
    });
}

void connection::read_placed() {
    const std::span<const std::byte> head = reader_->partial();
    const std::size_t size = reader_->partial_size();
    const std::size_t rest = size - head.size() - placed_;
    std::span<std::byte> to = shared_->receiver.place(link_, head, placed_, size);
    std::array<std::byte, 4096> nowhere;
    if (to.empty())
        to = std::span{nowhere}.first(std::min(rest, nowhere.size())); // nobody wants it any more
    // Of the next packet so much that one sees whether it may go there too.
    std::span<std::byte> next = reader_->room();
    next = to.size() == rest ? next.first(std::min(next.size(), placed_next_bytes)) : next.first(0);
    const std::array parts{asio::mutable_buffer{to.data(), to.size()},
                           asio::mutable_buffer{next.data(), next.size()}};
    error_code problem;
    const std::size_t got = socket_.read_some(parts, problem);
    if (would_block(problem)) {
        socket_.async_wait(asio::ip::tcp::socket::wait_read,
                           [self = shared_from_this()](const error_code& failed) {
                               if (!self->shared_ || self->broken_)
                                   return;
                               if (failed)
                                   self->end(io_error("the link broke", failed));
                               else
                                   self->read_placed();
                           });
        return;
    }
    if (problem) {
        end(problem == asio::error::eof ? error{errc::closed, "the other side closed the link"}
                                        : io_error("the link broke", problem));
        return;
    }
    ++shared_->counters.reads;
    shared_->counters.bytes_read += got;
    const std::size_t here = std::min(got, to.size());
    placed_ += here;
    if (here < rest) {
        read_placed_soon();
        return;
    }
    placed_ = 0;
    shared_->receiver.placed_packet(link_, head, size);
    reader_->drop_partial();
    reader_->filled(got - here);
    take_packets();
}

// ---- the link: writing

bool connection::send(std::span<const std::byte> packet, std::span<const std::byte> tail) {
    if (broken_)
        return true;
    if (packet.size() + tail.size() >= gather_bytes_min && !waiting_ && !guard_) {
        write_in_place(packet, tail);
        return !waiting_;
    }
    writer_->append(packet, tail);
    if (writer_->size() >= shared_->options.flush_bytes && !waiting_) {
        write();
    } else if (!unflushed_) {
        unflushed_ = true;
        shared_->unflushed.push_back(this);
    }
    check_unsent();
    return !waiting_;
}

void connection::flush() {
    unflushed_ = false;
    if (!waiting_ && !broken_)
        write();
}

void connection::write() {
    while (true) {
        if (written_ == writing_.size()) {
            if (writer_->empty()) {
                if (writing_.capacity() > idle_write_bytes_max)
                    writing_ = {};
                return;
            }
            writer_->take(writing_);
            written_ = 0;
        }
        error_code problem;
        const std::size_t sent = socket_.write_some(
            asio::buffer(writing_.data() + written_, writing_.size() - written_), problem);
        if (shared_) {
            ++shared_->counters.writes;
            shared_->counters.bytes_written += sent;
        }
        written_ += sent;
        if (would_block(problem)) {
            wait_writable();
            return;
        }
        if (problem) {
            end_later(io_error("the link broke", problem));
            return;
        }
    }
}

void connection::write_in_place(std::span<const std::byte> packet,
                                std::span<const std::byte> tail) {
    // Whatever came before goes first, in the same write.
    writer_->take(writing_);
    written_ = 0;
    std::array<std::byte, packet_header_bytes> header;
    write_packet_header(header, static_cast<std::uint32_t>(packet.size() + tail.size()));
    const std::array<std::span<const std::byte>, 4> pieces{writing_, header, packet, tail};
    const std::array parts{asio::const_buffer{writing_.data(), writing_.size()},
                           asio::const_buffer{header.data(), header.size()},
                           asio::const_buffer{packet.data(), packet.size()},
                           asio::const_buffer{tail.data(), tail.size()}};
    error_code problem;
    std::size_t sent = socket_.write_some(parts, problem);
    ++shared_->counters.writes;
    shared_->counters.bytes_written += sent;
    if (problem && !would_block(problem)) {
        end_later(io_error("the link broke", problem));
        return;
    }
    std::vector<std::byte> rest;
    for (const std::span<const std::byte> piece : pieces) {
        const std::size_t of_piece = std::min(sent, piece.size());
        sent -= of_piece;
        rest.insert(rest.end(), piece.begin() + static_cast<std::ptrdiff_t>(of_piece), piece.end());
    }
    writing_.swap(rest);
    if (!writing_.empty())
        wait_writable();
}

void connection::wait_writable() {
    waiting_ = true;
    socket_.async_wait(asio::ip::tcp::socket::wait_write,
                       [self = shared_from_this()](const error_code& problem) {
                           self->waiting_ = false;
                           if (problem || self->broken_ || !self->socket_.is_open())
                               return;
                           self->write();
                           if (self->waiting_)
                               return;
                           if (self->closing_)
                               self->drain();
                           else if (self->shared_ && !self->broken_)
                               self->shared_->receiver.link_has_room(self->link_);
                       });
}

void connection::check_unsent() {
    if (writer_->size() + writing_.size() - written_ > shared_->options.unsent_bytes_max)
        end_later({errc::limit_reached, "the other side does not read: unsent_bytes_max"});
}

// ---- the end

void connection::end(error reason) {
    tcp_shared& shared = *shared_;
    const auto self = shared_from_this();
    shared.links.erase(link_.value);
    drop();
    shared.receiver.link_down(link_, std::move(reason));
}

// For ends found inside a function of `tcp`, where the receiver may not be called.
void connection::end_later(error reason) {
    if (broken_)
        return;
    broken_ = true;
    if (closing_) {
        drop();
        return;
    }
    asio::post(shared_->context, [self = shared_from_this(), reason = std::move(reason)]() mutable {
        if (self->shared_)
            self->end(std::move(reason));
    });
}

void connection::forget() {
    if (!shared_)
        return;
    if (unflushed_)
        std::erase(shared_->unflushed, this);
    unflushed_ = false;
    shared_ = nullptr;
}

void connection::drop() {
    error_code ignored;
    if (shared_)
        shared_->give_back(std::move(read_buffer_));
    forget();
    timer_.cancel();
    socket_.close(ignored);
    closing_ = false;
    broken_ = true;
}

void connection::hang_up() {
    if (broken_) {
        drop();
        return;
    }
    const auto linger = shared_->options.linger;
    forget();
    closing_ = true;
    timer_.expires_after(linger);
    timer_.async_wait([self = shared_from_this()](const error_code&) { self->drop(); });
    if (!waiting_)
        write();
    if (!waiting_ && !broken_)
        drain();
}

// Closing with unread bytes would make the system throw away what the other side has not read yet.
void connection::drain() {
    error_code ignored;
    socket_.cancel(ignored);
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    // A buffer of its own: the cancelled read may still hold the other.
    auto sink = std::make_shared<std::array<std::byte, 16u << 10>>();
    const auto again = [self = shared_from_this(), sink](const auto& next) -> void {
        self->socket_.async_read_some(asio::buffer(*sink),
                                      [self, sink, next](const error_code& problem, std::size_t) {
                                          if (!problem)
                                              next(next);
                                          else if (problem != asio::error::operation_aborted)
                                              self->drop();
                                      });
    };
    again(again);
}

} // namespace equus::transport
