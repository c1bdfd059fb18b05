namespace Tuna.Llama.Batches;

/// <summary>The rows of a group that a head reads.</summary>
internal enum HeadRows
{
    /// <summary>Those that predict a response token: the prompt's last, and every row of a response but its last, which is not
    /// computed.</summary>
    Predicting,

    /// <summary>Each response's last.</summary>
    LastToken,
}
