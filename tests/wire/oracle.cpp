#include "oracle.hpp"

#include <capnp/any.h>
#include <capnp/capability.h>
#include <capnp/dynamic.h>
#include <capnp/message.h>
#include <capnp/schema-parser.h>
#include <capnp/serialize-text.h>
#include <capnp/serialize.h>
#include <kj/debug.h>
#include <kj/filesystem.h>

#include <cstring>
#include <stdexcept>

namespace oracle {
namespace {

template <class Function>
auto translated(Function&& function) {
    // libcapnp's exceptions are not std::exception in every build.
    try {
        return function();
    } catch (const kj::Exception& e) {
        throw std::runtime_error(kj::str(e.getDescription()).cStr());
    }
}

byte_string bytes_of(kj::ArrayPtr<const capnp::word> words) {
    const auto bytes = words.asBytes();
    byte_string out(bytes.size());
    if (!out.empty())
        std::memcpy(out.data(), bytes.begin(), out.size());
    return out;
}

kj::Array<capnp::word> words_of(const byte_string& bytes) {
    auto words = kj::heapArray<capnp::word>(bytes.size() / sizeof(capnp::word));
    if (words.size() != 0)
        std::memcpy(words.begin(), bytes.data(), words.size() * sizeof(capnp::word));
    return words;
}

bool equal_values(const capnp::DynamicValue::Reader& a, const capnp::DynamicValue::Reader& b);

bool equal_structs(const capnp::DynamicStruct::Reader& a, const capnp::DynamicStruct::Reader& b) {
    const auto which = a.which();
    const auto other = b.which();
    if ((which == nullptr) != (other == nullptr))
        return false;
    KJ_IF_MAYBE (field, which) {
        KJ_IF_MAYBE (other_field, other) {
            if (field->getIndex() != other_field->getIndex() ||
                !equal_values(a.get(*field), b.get(*other_field)))
                return false;
        }
    }
    for (auto field : a.getSchema().getNonUnionFields()) {
        // Capabilities without a table cannot be read.
        const auto type = field.getType();
        if (type.isInterface() || type.isAnyPointer())
            continue;
        // The default of a recursive struct has no end.
        if (type.isStruct() && !a.has(field) && !b.has(field))
            continue;
        if (!equal_values(a.get(field), b.get(field)))
            return false;
    }
    return true;
}

bool equal_values(const capnp::DynamicValue::Reader& a, const capnp::DynamicValue::Reader& b) {
    if (a.getType() != b.getType())
        return false;
    switch (a.getType()) {
    case capnp::DynamicValue::BOOL:
        return a.as<bool>() == b.as<bool>();
    case capnp::DynamicValue::INT:
        return a.as<std::int64_t>() == b.as<std::int64_t>();
    case capnp::DynamicValue::UINT:
        return a.as<std::uint64_t>() == b.as<std::uint64_t>();
    case capnp::DynamicValue::FLOAT: {
        const double x = a.as<double>();
        const double y = b.as<double>();
        return x == y || (x != x && y != y);
    }
    case capnp::DynamicValue::TEXT:
        return a.as<capnp::Text>() == b.as<capnp::Text>();
    case capnp::DynamicValue::DATA:
        return a.as<capnp::Data>() == b.as<capnp::Data>();
    case capnp::DynamicValue::ENUM:
        return a.as<capnp::DynamicEnum>().getRaw() == b.as<capnp::DynamicEnum>().getRaw();
    case capnp::DynamicValue::LIST: {
        const auto x = a.as<capnp::DynamicList>();
        const auto y = b.as<capnp::DynamicList>();
        if (x.size() != y.size())
            return false;
        for (unsigned i = 0; i < x.size(); ++i)
            if (!equal_values(x[i], y[i]))
                return false;
        return true;
    }
    case capnp::DynamicValue::STRUCT:
        return equal_structs(a.as<capnp::DynamicStruct>(), b.as<capnp::DynamicStruct>());
    default:
        return true;
    }
}

void describe(capnp::StructSchema structure, const std::string& prefix,
              std::vector<std::string>& out) {
    const auto proto = structure.getProto().getStruct();
    if (proto.getDiscriminantCount() != 0)
        out.push_back(prefix + "tag " + std::to_string(proto.getDiscriminantOffset()));
    for (auto field : structure.getFields()) {
        const auto f = field.getProto();
        const std::string name = prefix + f.getName().cStr();
        if (f.isGroup()) {
            describe(field.getType().asStruct(), name + ".", out);
            continue;
        }
        const auto slot = f.getSlot();
        const auto value = slot.getDefaultValue();
        std::uint64_t bits = 0;
        switch (value.which()) {
        case capnp::schema::Value::VOID:
            out.push_back(name + " void");
            continue;
        case capnp::schema::Value::BOOL:
            bits = value.getBool() ? 1 : 0;
            break;
        case capnp::schema::Value::INT8:
            bits = static_cast<std::uint8_t>(value.getInt8());
            break;
        case capnp::schema::Value::INT16:
            bits = static_cast<std::uint16_t>(value.getInt16());
            break;
        case capnp::schema::Value::INT32:
            bits = static_cast<std::uint32_t>(value.getInt32());
            break;
        case capnp::schema::Value::INT64:
            bits = static_cast<std::uint64_t>(value.getInt64());
            break;
        case capnp::schema::Value::UINT8:
            bits = value.getUint8();
            break;
        case capnp::schema::Value::UINT16:
            bits = value.getUint16();
            break;
        case capnp::schema::Value::UINT32:
            bits = value.getUint32();
            break;
        case capnp::schema::Value::UINT64:
            bits = value.getUint64();
            break;
        case capnp::schema::Value::ENUM:
            bits = value.getEnum();
            break;
        case capnp::schema::Value::FLOAT32: {
            const float f32 = value.getFloat32();
            std::uint32_t raw;
            std::memcpy(&raw, &f32, sizeof raw);
            bits = raw;
            break;
        }
        case capnp::schema::Value::FLOAT64: {
            const double f64 = value.getFloat64();
            std::memcpy(&bits, &f64, sizeof bits);
            break;
        }
        default:
            out.push_back(name + " pointer " + std::to_string(slot.getOffset()));
            continue;
        }
        out.push_back(name + " data " + std::to_string(slot.getOffset()) + " = " +
                      std::to_string(bits));
    }
}

} // namespace

struct schema::implementation {
    kj::Own<const kj::Directory> directory = kj::newInMemoryDirectory(kj::nullClock());
    capnp::SchemaParser parser;
    capnp::ParsedSchema file;

    capnp::StructSchema find(const std::string& name) const {
        capnp::ParsedSchema at = file;
        for (std::size_t begin = 0; begin <= name.size();) {
            std::size_t end = name.find('.', begin);
            if (end == std::string::npos)
                end = name.size();
            at = at.getNested(name.substr(begin, end - begin).c_str());
            begin = end + 1;
        }
        return at.asStruct();
    }

    /// Fills `into` from text; then copies, so that the order is that of a deep copy.
    void fill(const std::string& name, const std::string& value,
              capnp::MessageBuilder& into) const {
        capnp::MallocMessageBuilder first;
        auto root = first.initRoot<capnp::DynamicStruct>(find(name));
        capnp::TextCodec{}.decode(value.c_str(), root);
        into.setRoot(root.asReader());
    }
};

schema::schema(const std::string& text) : implementation_{new implementation} {
    translated([&] {
        const auto path = kj::Path::parse("oracle.capnp");
        implementation_->directory->openFile(path.clone(), kj::WriteMode::CREATE)
            ->writeAll(text.c_str());
        implementation_->file = implementation_->parser.parseFromDirectory(
            *implementation_->directory, path.clone(), nullptr);
        return 0;
    });
}

schema::~schema() = default;

byte_string schema::build(const std::string& name, const std::string& value) const {
    return translated([&] {
        capnp::MallocMessageBuilder message(1 << 16);
        implementation_->fill(name, value, message);
        const auto segments = message.getSegmentsForOutput();
        KJ_REQUIRE(segments.size() == 1);
        return bytes_of(segments[0]);
    });
}

byte_string schema::build_framed(const std::string& name, const std::string& value,
                                 unsigned first_words) const {
    return translated([&] {
        capnp::MallocMessageBuilder message(first_words, capnp::AllocationStrategy::FIXED_SIZE);
        implementation_->fill(name, value, message);
        return bytes_of(capnp::messageToFlatArray(message));
    });
}

byte_string schema::scatter(const std::string& name, const byte_string& framed,
                            unsigned first_words) const {
    return translated([&] {
        const auto words = words_of(framed);
        capnp::FlatArrayMessageReader reader(words);
        capnp::MallocMessageBuilder message(first_words, capnp::AllocationStrategy::FIXED_SIZE);
        message.setRoot(reader.getRoot<capnp::DynamicStruct>(implementation_->find(name)));
        return bytes_of(capnp::messageToFlatArray(message));
    });
}

byte_string schema::build_with_capabilities(const std::string& name,
                                            const std::vector<std::string>& fields) const {
    return translated([&] {
        capnp::MallocMessageBuilder message(1 << 16);
        capnp::BuilderCapabilityTable table;
        auto root = table.imbue(message.getRoot<capnp::AnyPointer>())
                        .initAs<capnp::DynamicStruct>(implementation_->find(name));
        const auto capability = [](capnp::Type type) {
            return capnp::DynamicCapability::Client(
                capnp::Capability::Client(capnp::newBrokenCap("nobody"))
                    .castAs<capnp::DynamicCapability>(type.asInterface()));
        };
        for (const std::string& each : fields) {
            const std::size_t space = each.find(' ');
            const auto field = root.getSchema().getFieldByName(each.substr(0, space).c_str());
            if (space == std::string::npos) {
                root.set(field, capability(field.getType()));
            } else {
                const auto count = static_cast<unsigned>(std::stoul(each.substr(space)));
                auto list = root.init(field, count).as<capnp::DynamicList>();
                for (unsigned i = 0; i < count; ++i)
                    list.set(i, capability(field.getType().asList().getElementType()));
            }
        }
        return bytes_of(message.getSegmentsForOutput()[0]);
    });
}

bool schema::equal(const std::string& name, const byte_string& framed_a,
                   const byte_string& framed_b) const {
    return translated([&] {
        const auto words_a = words_of(framed_a);
        const auto words_b = words_of(framed_b);
        capnp::FlatArrayMessageReader a(words_a);
        capnp::FlatArrayMessageReader b(words_b);
        const auto type = implementation_->find(name);
        return equal_structs(a.getRoot<capnp::DynamicStruct>(type),
                             b.getRoot<capnp::DynamicStruct>(type));
    });
}

void schema::read_all(const std::string& name, const byte_string& framed) const {
    if (!equal(name, framed, framed))
        throw std::runtime_error("a message is not equal to itself");
}

std::vector<std::string> schema::layout(const std::string& name) const {
    return translated([&] {
        const auto structure = implementation_->find(name);
        std::vector<std::string> out;
        describe(structure, "", out);
        const auto proto = structure.getProto().getStruct();
        out.push_back("size " + std::to_string(proto.getDataWordCount()) + " " +
                      std::to_string(proto.getPointerCount()));
        return out;
    });
}

} // namespace oracle
