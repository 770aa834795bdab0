/// A value that may hold a number, a text or a credential, and shows none of it unasked: not when it is printed, not in a
/// debugger's summary, and not in a `dump`, which would otherwise walk through its fields.
protocol Redacted: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {}

extension Redacted {
    /// The same as the description.
    public var debugDescription: String { description }

    /// No fields.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// `nil` without the word `Optional` around what is there.
func shown<Value>(_ value: Value?) -> String {
    value.map { "\($0)" } ?? "nil"
}
