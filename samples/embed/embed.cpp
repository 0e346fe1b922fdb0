// A line server on Asio, and a computation on its event loop: each line is answered by the clerk,
// an incarnation whose count goes on over all connections.
#include <equus/equus.hpp>
#include <equus/host/asio.hpp>
#include <equus/rdc_builder.hpp>
#include <equus/services/standard.hpp>

#include <asio/ip/tcp.hpp>
#include <asio/read_until.hpp>
#include <asio/signal_set.hpp>
#include <asio/write.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

// [messages]
struct answer {
    std::uint64_t number = 0;
    std::uint64_t words = 0; ///< so far
    EQUUS_FIELDS(number, words)
};
struct line {
    using reply = answer;
    std::string text;
    EQUUS_FIELDS(text)
};
using lines = equus::protocol<"embed.lines", line>;
// [/messages]

class clerk : public equus::incarnation<clerk> {
public:
    struct state {
        std::uint64_t lines = 0;
        std::uint64_t words = 0;
        EQUUS_FIELDS(lines, words)
    };
    state state_;
    equus::port<lines> in{*this, "in"};

    answer on(line l) {
        bool inside = false;
        for (const char c : l.text) {
            state_.words += !inside && c != ' ' ? 1 : 0;
            inside = c != ' ';
        }
        return {++state_.lines, state_.words};
    }
};

// [connection]
using tcp = asio::ip::tcp;

/// One client; lives until it hangs up.
class connection : public std::enable_shared_from_this<connection> {
public:
    connection(tcp::socket socket, equus::session<lines> clerk)
        : socket_{std::move(socket)}, clerk_{std::move(clerk)} {}

    void read() {
        asio::async_read_until(
            socket_, asio::dynamic_buffer(in_, 64 << 10), '\n',
            [self = shared_from_this()](const asio::error_code& ended, std::size_t size) {
                if (!ended)
                    self->ask(size);
            });
    }

private:
    void ask(std::size_t size) {
        const std::string text = in_.substr(0, size - 1);
        in_.erase(0, size);
        clerk_.invoke<line>(text)
            .within(std::chrono::seconds{2})
            .then([self = shared_from_this()](const equus::result<answer>& got) {
                self->write(got ? std::to_string(got->number) + ": " + std::to_string(got->words) +
                                      " words so far\n"
                                : "no answer: " + got.error().describe() + "\n");
            });
    }
    void write(std::string text) {
        out_ = std::move(text);
        asio::async_write(socket_, asio::buffer(out_),
                          [self = shared_from_this()](const asio::error_code& ended, std::size_t) {
                              if (!ended)
                                  self->read();
                          });
    }
    tcp::socket socket_;
    equus::session<lines> clerk_;
    std::string in_;
    std::string out_;
};
// [/connection]

void serve(tcp::acceptor& at, equus::session<lines> clerk) {
    at.async_accept([&at, clerk](const asio::error_code& ended, tcp::socket socket) {
        if (ended)
            return;
        std::make_shared<connection>(std::move(socket), clerk)->read();
        serve(at, clerk);
    });
}

/// What `--say` does: a client of the server in the same program.
class client : public std::enable_shared_from_this<client> {
public:
    client(asio::io_context& context, std::vector<std::string> says, std::function<void()> done)
        : socket_{context}, says_{std::move(says)}, done_{std::move(done)} {}
    void connect(const tcp::endpoint& to) {
        socket_.async_connect(to, [self = shared_from_this()](const asio::error_code& failed) {
            self->next(failed);
        });
    }

private:
    void next(const asio::error_code& failed) {
        if (failed || said_ == says_.size())
            return done_();
        out_ = says_[said_++] + "\n";
        asio::async_write(socket_, asio::buffer(out_),
                          [self = shared_from_this()](const asio::error_code& problem,
                                                      std::size_t) { self->hear(problem); });
    }
    void hear(const asio::error_code& failed) {
        if (failed)
            return done_();
        asio::async_read_until(
            socket_, asio::dynamic_buffer(in_), '\n',
            [self = shared_from_this()](const asio::error_code& problem, std::size_t size) {
                std::fwrite(self->in_.data(), 1, size, stdout);
                self->in_.erase(0, size);
                self->next(problem);
            });
    }
    tcp::socket socket_;
    std::vector<std::string> says_;
    std::function<void()> done_;
    std::size_t said_ = 0;
    std::string in_;
    std::string out_;
};

int main(int argc, char** argv) {
    unsigned short number = 0;
    std::vector<std::string> says;
    for (int i = 1; i < argc; i += 2) {
        const std::string option = argv[i];
        if (i + 1 < argc && option == "--say") {
            says.emplace_back(argv[i + 1]);
        } else if (i + 1 < argc && option == "--port" && std::atoi(argv[i + 1]) > 0 &&
                   std::atoi(argv[i + 1]) < 65'536) {
            number = static_cast<unsigned short>(std::atoi(argv[i + 1]));
        } else {
            std::fprintf(stderr, "usage: embed [--port N] [--say LINE]...\n");
            return 2;
        }
    }

    asio::io_context context{1}; // the server's
    asio::error_code failed;
    tcp::acceptor acceptor{context};
    const tcp::endpoint wanted{asio::ip::address_v4::loopback(), number};
    acceptor.open(wanted.protocol(), failed);
    acceptor.set_option(tcp::acceptor::reuse_address{true}, failed);
    acceptor.bind(wanted, failed);
    if (!failed)
        acceptor.listen(asio::socket_base::max_listen_connections, failed);
    if (failed) {
        std::fprintf(stderr, "port %u: %s\n", unsigned{number}, failed.message().c_str());
        return 1;
    }

    // [node]
    equus::module_table modules;
    equus::add_standard_modules(modules);
    modules.add<clerk>("embed.clerk");
    const equus::rdc office =
        equus::rdc_builder{"office", 1}
            .channel("lines", "embed.lines")
            .add(equus::incarnation_builder{"clerk", "embed.clerk"}.primary().port("in", {"lines"}))
            .offer("office/lines", "lines")
            .build();
    equus::node_options options;
    options.listen.clear(); // this node alone
    options.on_stopped = [&](const equus::error& reason) {
        if (reason != equus::errc::ok)
            std::fprintf(stderr, "the node has stopped: %s\n", reason.describe().c_str());
        context.stop();
    };
    equus::node node{context, options, modules};
    if (auto up = node.start(office); !up) {
        std::fprintf(stderr, "%s\n", up.error().describe().c_str());
        return 1;
    }
    serve(acceptor, node.open<lines>("office/lines"));
    // [/node]

    asio::signal_set interrupts{context, SIGINT, SIGTERM};
    interrupts.async_wait([&](const asio::error_code& off, int) {
        if (!off)
            node.leave();
    });
    if (says.empty()) {
        std::printf("serving at 127.0.0.1:%u\n", unsigned{acceptor.local_endpoint().port()});
        std::fflush(stdout);
    } else {
        std::make_shared<client>(context, says, [&] {
            node.leave();
        })->connect(acceptor.local_endpoint());
    }
    context.run();
    return 0;
}
