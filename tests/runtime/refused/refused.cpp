// Each of these must not compile; CMakeLists.txt says with which words.
#include <equus/equus.hpp>

struct plain {
    int number = 0;
    EQUUS_FIELDS(number)
};
struct other {
    int number = 0;
    EQUUS_FIELDS(number)
};
struct asked {
    using reply = plain;
    int number = 0;
    EQUUS_FIELDS(number)
};
struct carrying {
    equus::any_reference what;
    EQUUS_FIELDS(what)
};
using talk = equus::protocol<"test.talk", plain, asked, carrying>;
using else_ = equus::protocol<"test.else", other>;

struct silent : equus::incarnation<silent> {
    equus::task<> main() {
        const equus::stream<talk> out;
        const equus::stream<else_> foreign;
        const equus::stream_handle<talk> handle;
#if defined REFUSED_FOREIGN_MESSAGE
        co_await out.send<other>(1);
#elif defined REFUSED_SENT_QUESTION
        co_await out.send<asked>(1);
#elif defined REFUSED_QUEUED_QUESTION
        co_await out.asinvoke<asked>(1);
#elif defined REFUSED_LOST_REFERENCE
        out.dgram<carrying>(equus::any_reference{});
#elif defined REFUSED_SENDING_HANDLE
        co_await handle.send<plain>(1);
#elif defined REFUSED_OTHER_HANDLE
        const equus::stream_handle<else_> mixed = handle;
#elif defined REFUSED_STREAM_FOR_PORT
        const equus::port<talk> mixed = out;
#elif defined REFUSED_FROZEN_PORT_HANDLE
        co_await equus::port_handle<talk>{}.freeze();
#elif defined REFUSED_RESENT_ELSEWHERE
        co_await equus::resend_in_doubt(out, foreign);
#elif defined REFUSED_PORT_WITHOUT_HANDLER
        static_cast<void>(equus::make_port<talk>(*this));
#endif
        co_await out.send<plain>(1);
        static_cast<void>(handle), static_cast<void>(foreign);
    }
};

void use(equus::module_table& modules) {
    modules.add<silent>("silent");
}
