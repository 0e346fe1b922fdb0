#include "transport/tcp.hpp"

#include "transport/address.hpp"
#include "transport/tcp_connection.hpp"

#include <asio/post.hpp>

namespace equus::transport {

namespace {

using asio::error_code;

constexpr std::chrono::milliseconds accept_pause{50};

} // namespace

struct tcp_links::impl : tcp_shared {
    using tcp_shared::tcp_shared;

    void accept();
    void admit(asio::ip::tcp::socket socket);
    void make_room(const asio::ip::address& newcomer);
    void fail_dial_later(dial_id dial, error reason);

    /// Handlers of the acceptor and of posted failures may run after the end; they check this.
    std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

tcp_links::tcp_links(asio::io_context& context, tcp_options options, tcp_receiver& receiver)
    : impl_{std::make_unique<impl>(context, std::move(options), receiver)} {}

tcp_links::~tcp_links() {
    *impl_->alive = false;
    for (const auto& [id, link] : std::exchange(impl_->links, {}))
        link->drop();
    for (const auto& waiting : std::exchange(impl_->pending, {}))
        waiting->drop();
}

result<std::string> tcp_links::listen(std::string_view address) {
    auto parsed = parse_loopback_address(address);
    if (!parsed)
        return fail(std::move(parsed.error()));
    error_code problem;
    const asio::ip::tcp::endpoint at{asio::ip::make_address(parsed->host, problem), parsed->port};
    auto& acceptor = impl_->acceptor;
    if (!problem)
        acceptor.open(at.protocol(), problem);
    if (!problem)
        acceptor.set_option(asio::ip::tcp::acceptor::reuse_address{true}, problem);
    if (!problem)
        acceptor.bind(at, problem);
    if (!problem)
        acceptor.listen(asio::ip::tcp::acceptor::max_listen_connections, problem);
    if (problem) {
        error_code ignored;
        acceptor.close(ignored);
        return fail(io_error("cannot listen at " + std::string{address}, problem));
    }
    parsed->port = acceptor.local_endpoint(problem).port();
    impl_->accept();
    return to_text(*parsed);
}

void tcp_links::impl::accept() {
    acceptor.async_accept(
        [this, life = alive](const error_code& problem, asio::ip::tcp::socket socket) {
            if (!*life || !acceptor.is_open())
                return;
            if (!problem) {
                admit(std::move(socket));
                accept();
                return;
            }
            // Out of descriptors, most likely: the connection stays queued; asking again at once
            // would only burn the processor.
            accept_timer.expires_after(accept_pause);
            accept_timer.async_wait([this, life](const error_code& cancelled) {
                if (!cancelled && *life && acceptor.is_open())
                    accept();
            });
        });
}

void tcp_links::impl::admit(asio::ip::tcp::socket socket) {
    error_code problem;
    const asio::ip::address newcomer = socket.remote_endpoint(problem).address();
    if (problem || links.size() >= options.links_max) {
        ++counters.crowded_out;
        return;
    }
    make_room(newcomer);
    auto made = std::make_shared<connection>(*this, std::move(socket), dial_id{});
    pending.push_back(made);
    made->accepted();
}

void tcp_links::impl::make_room(const asio::ip::address& newcomer) {
    const auto drop_oldest = [&](std::size_t max, auto&& counts) {
        if (static_cast<std::size_t>(std::ranges::count_if(pending, counts)) < max)
            return;
        if (const auto oldest = std::ranges::find_if(pending, counts); oldest != pending.end()) {
            ++counters.crowded_out;
            (*oldest)->drop();
            pending.erase(oldest);
        }
    };
    drop_oldest(options.pending_per_address_max,
                [&](const auto& c) { return !c->is_dial() && c->peer() == newcomer; });
    drop_oldest(options.pending_max, [](const auto& c) { return !c->is_dial(); });
}

void tcp_links::impl::fail_dial_later(dial_id dial, error reason) {
    asio::post(context, [this, life = alive, dial, reason = std::move(reason)]() mutable {
        if (*life)
            receiver.dial_failed(dial, std::move(reason));
    });
}

void tcp_links::dial(dial_id dial, std::string_view address) {
    auto parsed = parse_loopback_address(address);
    if (!parsed) {
        impl_->fail_dial_later(dial, std::move(parsed.error()));
        return;
    }
    if (impl_->links.size() >= impl_->options.links_max) {
        impl_->fail_dial_later(dial, {errc::limit_reached, "links_max"});
        return;
    }
    error_code problem;
    const asio::ip::tcp::endpoint to{asio::ip::make_address(parsed->host, problem), parsed->port};
    auto made = std::make_shared<connection>(*impl_, asio::ip::tcp::socket{impl_->context}, dial);
    impl_->pending.push_back(made);
    made->connect(to);
}

bool tcp_links::send(link_id link, std::span<const std::byte> packet,
                     std::span<const std::byte> tail) {
    const auto found = impl_->links.find(link.value);
    return found == impl_->links.end() || found->second->send(packet, tail);
}

void tcp_links::flush() {
    auto& unflushed = impl_->unflushed;
    for (std::size_t i = 0; i < unflushed.size(); ++i)
        unflushed[i]->flush();
    unflushed.clear();
}

void tcp_links::hang_up(link_id link) {
    const auto found = impl_->links.find(link.value);
    if (found == impl_->links.end())
        return;
    const auto ending = std::move(found->second);
    impl_->links.erase(found);
    ending->hang_up();
}

void tcp_links::close() {
    *std::exchange(impl_->alive, std::make_shared<bool>(true)) = false;
    error_code ignored;
    impl_->acceptor.close(ignored);
    impl_->accept_timer.cancel();
    for (const auto& waiting : std::exchange(impl_->pending, {}))
        waiting->drop();
    for (const auto& [id, link] : std::exchange(impl_->links, {}))
        link->hang_up();
}

const tcp_counters& tcp_links::counters() const noexcept {
    return impl_->counters;
}

} // namespace equus::transport
