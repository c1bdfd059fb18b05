namespace Tuna.Data;

/// <summary>A field of a row that Tuna does not know: kept as it was, so that reading and writing lose nothing.</summary>
/// <param name="Name">The field's name.</param>
/// <param name="Json">Its value as JSON text.</param>
public readonly record struct ExtraField(string Name, string Json);
