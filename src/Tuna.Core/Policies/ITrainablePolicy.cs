namespace Tuna.Policies;

/// <summary>A policy that can be trained: scores, samples, passes and updates.</summary>
public interface ITrainablePolicy : ITrainableScorer, IPolicyModel;
