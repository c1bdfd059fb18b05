namespace Tuna.Policies;

/// <summary>An optimizer step was refused, because the gradient is not finite or the weights or moments would not be. Weights and moments
/// are as they were.</summary>
public sealed class NonFiniteStepException : InvalidOperationException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="parameter">Name of the first parameter concerned; null when it is none in particular.</param>
    /// <param name="element">Its first element concerned, row-major.</param>
    /// <param name="why">What is not finite, in words.</param>
    public NonFiniteStepException(string? parameter, long element, string why)
        : base($"{(parameter is null ? "" : $"Element {element} of '{parameter}': ")}{why}. Weights and moments are as they were.")
    {
        Parameter = parameter;
        Element = element;
        Why = why;
    }

    /// <summary>Name of the first parameter concerned; null when it is none in particular.</summary>
    public string? Parameter { get; }

    /// <summary>The parameter's first element concerned, row-major.</summary>
    public long Element { get; }

    /// <summary>What is not finite, in words.</summary>
    public string Why { get; }
}
