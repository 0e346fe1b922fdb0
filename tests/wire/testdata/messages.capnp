# Written by hand from messages.hpp, not by the printer.
@0xb3c2a1908f7e6d5c;

enum Color { red @0; green @1; darkBlue @2; }
enum SmallEnum { no @0; yes @1; }

struct Empty {}
struct Point { x @0 :Int32; y @1 :Int32; }

struct Scalars {
  a @0 :Bool;
  b @1 :Int8;
  c @2 :UInt16;
  d @3 :Bool;
  e @4 :Int64;
  f @5 :Float32;
  g @6 :UInt8;
  h @7 :Float64;
  i @8 :Int32;
  j @9 :Bool;
  k @10 :UInt64;
  l @11 :Int16;
  m @12 :UInt32;
  n @13 :Color;
  o @14 :UInt8;
  p @15 :SmallEnum;
}

struct Defaults {
  yes @0 :Bool = true;
  small @1 :Int8 = -7;
  number @2 :UInt32 = 123456;
  ratio @3 :Float64 = 2.5;
  most @4 :Float32 = -inf;
  tint @5 :Color = green;
  title @6 :Text = "hello \"you\"\n";
  blob @7 :Data = 0x"01 ff";
  numbers @8 :List(Int32) = [1, -2, 3];
  words @9 :List(Text) = ["a", "", "c"];
  at @10 :Point = (x = 1, y = 2);
  pause @11 :Int64 = 5;
  path @12 :List(Point) = [(x = 1), (y = 2)];
}

struct Lists {
  bits @0 :List(Bool);
  moreBits @1 :List(Bool);
  bytes1 @2 :List(Int8);
  bytes2 @3 :List(UInt16);
  bytes4 @4 :List(UInt32);
  bytes8 @5 :List(Float64);
  texts @6 :List(Text);
  blobs @7 :List(Data);
  points @8 :List(Point);
  nested @9 :List(List(Int16));
  colors @10 :List(Color);
  smallEnums @11 :List(SmallEnum);
  nodes @12 :List(UInt32);
  voids @13 :List(Void);
  empties @14 :List(Empty);
}

struct Arrays {
  triple @0 :List(UInt8) = [7, 8, 9];
  pair @1 :List(Float32) = [0, 0];
  texts @2 :List(Text) = ["a", "b"];
  points @3 :List(Point) = [(), ()];
}

struct Keyed {
  byName @0 :List(NamedPoint);
  numbers @1 :List(Int64);
  names @2 :List(Name);
  words @3 :List(Text);
  tints @4 :List(Tint);
  deep @5 :List(Deep);
  descending @6 :List(Point);

  struct NamedPoint { key @0 :Text; value @1 :Point; }
  struct Name { key @0 :UInt32; value @1 :Text; }
  struct Tint { key @0 :Color; value @1 :List(UInt8); }
  struct Deep {
    key @0 :Int16;
    value @1 :List(Inner);
    struct Inner { key @0 :Bool; value @1 :Float64; }
  }
}

struct Anything {
  union {
    none @0 :Void;
    bool @1 :Bool;
    uint16 @2 :UInt16;
    text @3 :Text;
    point @4 :Point;
    float64 @5 :Float64;
  }
}

struct Choices {
  flag :union { none @0 :Void; some @1 :Bool; }
  number :union { none @2 :Void; some @3 :UInt64; }
  text :union { none @4 :Void; some @5 :Text; }
  at :union { none @6 :Void; some @7 :Point; }
  what @8 :Anything;
  maybe @9 :List(MaybeInt);
  many @10 :List(Anything);
  perhaps :union { none @11 :Void; some @12 :Anything; }
  growing @13 :Growing;
  mixed @14 :Mixed;
  twice :union { none @15 :Void; some @16 :MaybeSmall; }
  present :union { none @17 :Void; some @18 :Void; }
  only @19 :Only;

  struct MaybeInt { value :union { none @0 :Void; some @1 :Int32; } }
  struct MaybeSmall { value :union { none @0 :Void; some @1 :Int8; } }
  struct Growing {
    union {
      uint8 @0 :UInt8;
      uint32 @1 :UInt32;
      bool @2 :Bool;
      uint64 @3 :UInt64;
      int8 @4 :Int8;
    }
  }
  struct Mixed {
    union {
      bool @0 :Bool;
      uint8 @1 :UInt8;
      list @2 :List(Bool);
      map @3 :List(Entry);
    }
    struct Entry { key @0 :UInt8; value @1 :Bool; }
  }
  struct Only { float32 @0 :Float32; }
}

struct Tree {
  value @0 :Int32 = -1;
  children @1 :List(Tree);
  left @2 :Tree;
  right @3 :Tree;
  marks @4 :List(Mark);
  struct Mark { value @0 :Point; }
}

struct IncarnationId { node @0 :UInt32; boot @1 :UInt32; counter @2 :UInt32; }
struct OwnedId {
  owner :group { node @0 :UInt32; boot @1 :UInt32; counter @2 :UInt32; }
  counter @3 :UInt32;
}
struct Place {
  at :group { node @0 :UInt32; boot @1 :UInt32; }
  slot @2 :UInt32;
  age @3 :UInt32;
}

struct Identities {
  node @0 :UInt32;
  stream :group {
    owner :group { node @1 :UInt32; boot @2 :UInt32; counter @3 :UInt32; }
    counter @4 :UInt32;
  }
  owners @5 :List(IncarnationId);
  pause @6 :Int64;
  coarse @7 :Int64;
  call :union { none @8 :Void; some @9 :OwnedId; }
  counts @10 :List(Count);
  lastSeen @11 :Place;
  struct Count {
    key :group { node @0 :UInt32; boot @1 :UInt32; counter @2 :UInt32; }
    value @3 :UInt32;
  }
}

struct Everything {
  numbers @0 :Scalars;
  initial @1 :Defaults;
  rows @2 :Lists;
  tables @3 :Keyed;
  either @4 :Choices;
  root @5 :Tree;
  ids @6 :Identities;
  fixed @7 :Arrays;
}

interface Reference {}
struct References {
  plain @0 :Reference;
  stream @1 :Reference;
  port @2 :Reference;
  many @3 :List(Reference);
  perhaps :union { none @4 :Void; some @5 :Reference; }
  named @6 :List(Named);
  either @7 :Either;
  struct Named { key @0 :Text; value @1 :Reference; }
  struct Either { union { int32 @0 :Int32; reference @1 :Reference; } }
}

struct Version1 {
  id @0 :UInt32;
  codes @1 :List(UInt16);
  names @2 :List(Text);
  at @3 :Point;
}
struct Code { value @0 :UInt16; comment @1 :Text = "none"; }
struct NamedThing { name @0 :Text; known @1 :Bool = true; }
struct Point3 { x @0 :Int32; y @1 :Int32; z @2 :Int32 = 9; }
struct Version2 {
  id @0 :UInt32;
  codes @1 :List(Code);
  names @2 :List(NamedThing);
  at @3 :Point3;
  stamp @4 :UInt64 = 77;
  author @5 :Text = "somebody";
}
