namespace Tuna.Data.Formats;

/// <summary>The names of fields that a form keeps for itself, and the way around them for a row's other fields.</summary>
/// <remarks>
/// A field that is legal in one form may mean something in another: a row with an unknown field <c>score</c>, written as a ranked row,
/// would have two. Such a field is written as
/// <c>_extra_score</c>, and gets its name back on reading. A name with the prefix gets one more, so that reading undoes exactly what
/// writing did.
/// </remarks>
internal sealed class FieldNames(params IEnumerable<string> own)
{
    public const string Prefix = "_extra_";

    // In the order in which a row is asked for its form, a field without which it is not of that form.
    private static readonly (string Form, string Key)[] Keys =
    [
        ("trl", "rejected"), ("ultrafeedback", "completions"), ("nectar", "answers"), ("rrhf", "responses"), ("tuna-p", "orig"),
            ("tuna-c", "generation"), ("alpacaeval", "output_1"), ("order", "order"),
        ("ranked", "output"), ("helpsteer", "helpfulness"),
    ];

    private readonly HashSet<string> _own = new([.. own, "id"], StringComparer.Ordinal);

    /// <summary>Whether the form reads this field itself.</summary>
    public bool IsOwn(string name) => _own.Contains(name);

    /// <summary>The name that another field has in the file.</summary>
    public string InFile(string name) => IsReserved(name) ? Prefix + name : name;

    /// <summary>The name that a field of the file has in the row.</summary>
    public string InRow(string name) =>
        name.StartsWith(Prefix, StringComparison.Ordinal) && IsReserved(name) ? name[Prefix.Length..] : name;

    /// <summary>Fields that would make a row look like one of another form, asked for before.</summary>
    public static IEnumerable<string> OfFormsBefore(string form) => Keys.TakeWhile(k => k.Form != form).Select(k => k.Key);

    /// <summary>A field added to others; one that has the name already makes room for it.</summary>
    public static ExtraField[] Add(IEnumerable<ExtraField> fields, string name, string json)
    {
        ExtraField[] others = [.. fields];
        for (int i; (i = Array.FindIndex(others, f => f.Name == name)) >= 0;)
            others[i] = others[i] with { Name = Free(others, Prefix + name) };
        return [.. others, new(name, json)];
    }

    /// <summary>A name like the one given that no field has.</summary>
    public static string Free(IReadOnlyCollection<ExtraField> fields, string name)
    {
        while (fields.Any(f => f.Name == name))
            name = Prefix + name;
        return name;
    }

    /// <summary>Whether a name is the form's own, or one with the prefix in front.</summary>
    public bool IsReserved(string name)
    {
        ReadOnlySpan<char> core = name;
        while (core.StartsWith(Prefix, StringComparison.Ordinal))
            core = core[Prefix.Length..];
        return _own.GetAlternateLookup<ReadOnlySpan<char>>().Contains(core);
    }
}
